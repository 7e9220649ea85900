/** A minimal configuration means what the contract says where it is silent. @module */

import assert from "node:assert/strict";
import { makeCaseFiles } from "../../config/cases.ts";
import { loadText } from "../../config/load_text.ts";

const MINIMAL = `
certificates:
  www: { certFile: certs/good.pem, keyFile: certs/good.key }
backendGroups:
  web:
    servers: [{ address: 10.0.0.11, port: 80 }]
  tls: { servers: [{ address: 10.0.0.11, port: 443 }], backendTls: {} }
listeners:
  - { name: plain, protocol: TCP, port: 9000, backendGroup: web }
  - { name: secure, protocol: TCP_SSL, port: 9443, backendGroup: web, tls: { certificate: www } }
`;

/** Every default of the contract, by its place in the configuration. */
const DEFAULTS = [
  ["admin.listen", "127.0.0.1:9900"],
  ["admin.token", ""],
  ["log.level", "info"],
  ["log.format", "auto"],
  ["log.access", "off"],
  ["shutdown.drainTimeout", 30],
  ["maxWorkers", 32],
  ["ipGroups", {}],
  ["clientCAs", {}],
  ["backendGroups.web.algorithm", "wrr"],
  ["backendGroups.web.defaultPort", undefined],
  ["backendGroups.web.servers.0.weight", 10],
  ["backendGroups.web.servers.0.backup", false],
  ["backendGroups.web.healthCheck.enabled", true],
  ["backendGroups.web.healthCheck.timeout", 2],
  ["backendGroups.web.healthCheck.interval", 5],
  ["backendGroups.web.healthCheck.unhealthyThreshold", 3],
  ["backendGroups.web.healthCheck.healthyThreshold", 3],
  ["backendGroups.web.healthCheck.port", undefined],
  ["backendGroups.web.healthCheck.passive", true],
  ["backendGroups.web.whenAllUnhealthy", "forward"],
  ["backendGroups.web.slowStart", 0],
  ["backendGroups.web.backendTls", undefined],
  ["backendGroups.tls.backendTls", { enabled: true, verify: true }],
  ["listeners.0.address", "0.0.0.0"],
  ["listeners.0.proxyProtocol", "off"],
  ["listeners.0.acceptProxyProtocol", undefined],
  ["listeners.0.accessControl", undefined],
  ["listeners.0.ipTranslation", false],
  ["listeners.0.idleTimeout", 300],
  ["listeners.0.connectTimeout", 4],
  ["listeners.0.tcpKeepAlive", true],
  ["listeners.0.backlog", 4096],
  ["listeners.0.maxNewConnections", "unlimited"],
  ["listeners.0.maxConnections", "unlimited"],
  ["listeners.0.workers", 1],
  ["listeners.0.tags", {}],
  ["listeners.0.description", ""],
  ["listeners.1.tls.authentication", "one-way"],
  ["listeners.1.tls.minVersion", "1.2"],
  ["listeners.1.tls.handshakeTimeout", 10],
] as const;

function at(value: unknown, path: string): unknown {
  return path.split(".").reduce<unknown>((inner, step) => (inner as Record<string, unknown>)[step], value);
}

Deno.test("validateConfig() fills in every default of the contract", async () => {
  const { config, warnings } = loadText(MINIMAL, { files: await makeCaseFiles() });
  for (const [path, expected] of DEFAULTS) assert.deepEqual(at(config, path), expected, path);
  assert.deepEqual(warnings, []);
});

Deno.test("validateConfig() takes both ends of every range", () => {
  const ranges = [
    ["shutdown: { drainTimeout: # }", 0, 3600],
    ["maxWorkers: #", 1, 256],
    ["backendGroups: { g: { servers: [], defaultPort: # } }", 1, 65535],
    ["backendGroups: { g: { servers: [{ address: 10.0.0.1, port: # }] } }", 1, 65535],
    ["backendGroups: { g: { servers: [{ address: 10.0.0.1, port: 1, weight: # }] } }", 0, 100],
    ["backendGroups: { g: { healthCheck: { timeout: # } } }", 2, 60],
    ["backendGroups: { g: { healthCheck: { interval: # } } }", 5, 300],
    ["backendGroups: { g: { healthCheck: { unhealthyThreshold: # } } }", 2, 10],
    ["backendGroups: { g: { healthCheck: { healthyThreshold: # } } }", 2, 10],
    ["backendGroups: { g: { healthCheck: { port: # } } }", 1, 65535],
    ["backendGroups: { g: { slowStart: # } }", 0, 300],
    ["listeners: [{ name: a, protocol: TCP, port: #, backends: {} }]", 1, 65535],
    ["listeners: [{ name: a, protocol: TCP, port: 1, backends: {}, idleTimeout: # }]", 10, 4000],
    ["listeners: [{ name: a, protocol: TCP, port: 1, backends: {}, connectTimeout: # }]", 1, 60],
    ["listeners: [{ name: a, protocol: TCP, port: 1, backends: {}, backlog: # }]", 1, 65535],
  ] as const;
  for (const [text, ...ends] of ranges) {
    for (const value of ends) assert.doesNotThrow(() => loadText(text.replace("#", String(value))), text);
  }
});

Deno.test("validateConfig() takes texts and names of the greatest length", () => {
  const listener = (settings: string) =>
    `listeners: [{ protocol: TCP, port: 1, backends: {}, name: ${"n".repeat(63)}, ${settings} }]`;
  assert.doesNotThrow(() => loadText(listener(`description: ${"d".repeat(255)}`)));
  assert.doesNotThrow(() => loadText(listener(`tags: { ${"k".repeat(255)}: ${"v".repeat(255)} }`)));
});

Deno.test("validateConfig() takes listeners side by side whose sockets do not meet", () => {
  const pairs = [
    ["192.0.2.1", "192.0.2.2"],
    ["0.0.0.0", "2001:db8::1"],
    ["127.0.0.1", "::1"],
    ["2001:db8::1", "2001:db8::2"],
  ] as const;
  for (const pair of pairs) {
    const listeners = pair.map((address, index) => ({
      name: `listener-${index}`,
      protocol: "TCP",
      address,
      port: 9000,
      backends: {},
    }));
    assert.doesNotThrow(() => loadText(JSON.stringify({ listeners })), pair.join(" and "));
  }
});

Deno.test("validateConfig() takes the whole admin section off", () => {
  const { config } = loadText(
    'admin: { listen: "off" }\nlisteners: [{ name: a, protocol: TCP, port: 9900, backends: {} }]',
  );
  assert.equal(config.admin.listen, "off");
});
