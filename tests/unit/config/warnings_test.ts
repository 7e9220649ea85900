/** What is legal but seldom meant is said, with its place, and does not stop anything. @module */

import assert from "node:assert/strict";
import { formatProblem } from "../../../src/errors.ts";
import { selfSigned } from "../../../src/demo/self_signed.ts";
import { CASE_NOW, makeCaseFiles } from "../../config/cases.ts";
import { loadText, type LoadTextOptions } from "../../config/load_text.ts";

const DAY_MS = 24 * 3600 * 1000;

const group = (settings: string) =>
  `listeners:
  - name: front
    protocol: TCP
    port: 9000
    backendGroup: web
backendGroups:
  web:
    ${settings}
`;

function warningsOf(text: string, options?: LoadTextOptions): string[] {
  return loadText(text, options).warnings.map(formatProblem);
}

Deno.test("validateConfig() warns of what is seldom meant", () => {
  const vectors = [
    ["{}", ["weir.yaml:1:1 listeners: no listeners are defined, so nothing will be accepted"]],
    [
      "admin: { listen: 127.0.0.1:10080 }\n" + group("servers: [{ address: 10.0.0.1, port: 80 }]"),
      [
        "weir.yaml:1:18 admin.listen: browsers refuse port 10080, and weir's own commands may as well; other programs can ask there",
      ],
    ],
    ["admin: { listen: 127.0.0.1:10081 }\n" + group("servers: [{ address: 10.0.0.1, port: 80 }]"), []],
    ["listeners: []", ["weir.yaml:1:12 listeners: no listeners are defined, so nothing will be accepted"]],
    [group("{ defaultPort: 80, servers: [{ address: 10.0.0.1 }] }").replace("port: 9000", 'ports: "9000-9001"'), [
      'weir.yaml:8:20 backendGroups.web.defaultPort: is not used, because listener "front" has "ports": its port P goes to port P of the server',
    ]],
    [
      group("{ servers: [{ address: 127.0.0.1 }, { address: 10.0.0.1 }] }").replace("port: 9000", 'ports: "9000-9001"'),
      [
        'weir.yaml:8:28 backendGroups.web.servers[0].address: is where listener "front" itself listens, so port P of 127.0.0.1 leads to itself again',
      ],
    ],
    [group("{ servers: [{ address: 10.0.0.1, port: 80 }], backendTls: { verify: false } }"), [
      "weir.yaml:8:73 backendGroups.web.backendTls.verify: is false, so servers need not prove who they are: whoever comes between can read and change everything",
    ]],
    [group("{ servers: [{ address: 10.0.0.1, port: 80 }], backendTls: { enabled: false, verify: false } }"), []],
    [group("{ servers: [{ address: 127.0.0.1, ports: '80-81' }] }").replace("port: 9000", 'ports: "9000-9001"'), []],
    [group("servers: []"), [
      "weir.yaml:8:5 backendGroups.web: has no servers, so every connection to it is refused",
    ]],
    [group("servers: [{ address: 10.0.0.1, port: 80, weight: 0 }]"), [
      "weir.yaml:8:14 backendGroups.web.servers: every server has weight 0, so none takes new connections",
    ]],
    [group("healthCheck: { timeout: 10, interval: 5 }\n    servers: [{ address: 10.0.0.1, port: 80 }]"), [
      "weir.yaml:8:29 backendGroups.web.healthCheck.timeout: is longer (10 s) than the interval (5 s), so a server that does not answer is probed less often than set",
    ]],
    [
      group("healthCheck: { timeout: 10, enabled: false }\n    servers: [{ address: 10.0.0.1, port: 80 }]"),
      [],
    ],
    [group("servers: [{ address: app.internal, port: 80 }]\ndns: { servers: [10.0.0.53] }"), []],
    [
      "log: { accessFile: gone/access.log, accessFormat: text }\n" +
      group("servers: [{ address: 10.0.0.1, port: 80 }]"),
      [
        'weir.yaml:1:20 log.accessFile: is not used, because access is "off"',
        'weir.yaml:1:51 log.accessFormat: is not used, because access is "off"',
      ],
    ],
    [group("servers: [{ address: 10.0.0.1, port: 80, weight: 0 }, { address: 10.0.0.2, port: 80 }]"), []],
  ] as const;
  for (const [text, expected] of vectors) assert.deepEqual(warningsOf(text), expected, text);
});

Deno.test("validateConfig() warns of a certificate in its last 30 days", async () => {
  const text = "certificates:\n  www: { certFile: www.pem, keyFile: www.key }\n" + group(
    "servers: [{ address: 10.0.0.1, port: 80 }]",
  );
  for (const [days, warned] of [[29, true], [31, false]] as const) {
    const notAfter = new Date(CASE_NOW.getTime() + days * DAY_MS);
    const { certPem, keyPem } = await selfSigned({
      name: "weir.test",
      hosts: ["weir.test"],
      notBefore: new Date("2020-01-01T00:00:00Z"),
      notAfter,
    });
    const expected = `weir.yaml:2:20 certificates.www.certFile: "www.pem" expires on ${notAfter.toISOString()}`;
    const files = { "www.pem": certPem, "www.key": keyPem };
    assert.deepEqual(warningsOf(text, { files }), warned ? [expected] : [], `${days} days`);
  }
});

Deno.test("validateConfig() warns of a CA that checks nothing", async () => {
  const text = "clientCAs: { internal: { certFile: certs/ca.pem } }\n" +
    group("{ servers: [{ address: 10.0.0.1, port: 80 }], backendTls: { ca: internal, verify: false } }");
  const [ca, verify, ...rest] = warningsOf(text, { files: await makeCaseFiles() });
  assert.equal(ca, "weir.yaml:9:69 backendGroups.web.backendTls.ca: is not used, because verify is false");
  assert.match(verify ?? "", /^weir\.yaml:9:87 backendGroups\.web\.backendTls\.verify: is false, so /);
  assert.deepEqual(rest, []);
});
