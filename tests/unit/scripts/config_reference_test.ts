/** The reference says of every key of a listener what a reload does with it, and that is what is done. @module */

import assert from "node:assert/strict";
import { stringify } from "yaml";
import { ON_RELOAD, renderReference } from "../../../scripts/config_reference.ts";
import { diffListeners } from "../../../src/config/diff.ts";
import { configJsonSchema } from "../../../src/config/json_schema.ts";
import { resolveModel } from "../../../src/config/resolve.ts";
import { listenerSchema } from "../../../src/config/schema.ts";
import { makeCaseFiles } from "../../config/cases.ts";
import { loadText } from "../../config/load_text.ts";

const caseFiles = await makeCaseFiles();
const files = { "www.pem": caseFiles["certs/good.pem"] ?? "", "www.key": caseFiles["certs/good.key"] ?? "" };

type Keys = Readonly<Record<string, unknown>>;
const TCP: Keys = { name: "web", protocol: "TCP", port: 8000, backendGroup: "one" };
const SSL: Keys = { ...TCP, protocol: "TCP_SSL", tls: { certificate: "www" } };
const { port: _, ...PORTLESS } = TCP;

/** For each key a listener before and after it has changed. */
const CHANGES: Readonly<Record<string, readonly [before: Keys, after: Keys]>> = {
  name: [TCP, { ...TCP, name: "other" }],
  protocol: [TCP, SSL],
  address: [TCP, { ...TCP, address: "127.0.0.1" }],
  port: [TCP, { ...TCP, port: 8001 }],
  ports: [{ ...PORTLESS, ports: "8000-8005" }, { ...PORTLESS, ports: "8003-8009" }],
  backendGroup: [TCP, { ...TCP, backendGroup: "two" }],
  backends: [TCP, { ...TCP, backendGroup: undefined, backends: { servers: [{ address: "10.0.0.9", port: 80 }] } }],
  tls: [SSL, { ...SSL, tls: { certificate: "www", minVersion: "1.3" } }],
  proxyProtocol: [TCP, { ...TCP, proxyProtocol: "v2" }],
  proxyProtocolChecksum: [{ ...TCP, proxyProtocol: "v2" }, {
    ...TCP,
    proxyProtocol: "v2",
    proxyProtocolChecksum: true,
  }],
  acceptProxyProtocol: [TCP, { ...TCP, acceptProxyProtocol: { from: ["office"] } }],
  accessControl: [TCP, { ...TCP, accessControl: { mode: "whitelist", groups: ["office"] } }],
  ipTranslation: [TCP, { ...TCP, ipTranslation: true }],
  idleTimeout: [TCP, { ...TCP, idleTimeout: 60 }],
  connectTimeout: [TCP, { ...TCP, connectTimeout: 2 }],
  tcpKeepAlive: [TCP, { ...TCP, tcpKeepAlive: false }],
  backlog: [TCP, { ...TCP, backlog: 100 }],
  maxNewConnections: [TCP, { ...TCP, maxNewConnections: 10 }],
  maxConnections: [TCP, { ...TCP, maxConnections: 10 }],
  workers: [TCP, { ...TCP, workers: 2 }],
  tags: [TCP, { ...TCP, tags: { env: "prod" } }],
  description: [TCP, { ...TCP, description: "front door" }],
};

function modelOf(listener: Keys) {
  const config = {
    ipGroups: { office: ["192.0.2.0/24"] },
    certificates: { www: { certFile: "www.pem", keyFile: "www.key" } },
    backendGroups: {
      one: { defaultPort: 80, servers: [{ address: "10.0.0.1" }] },
      two: { defaultPort: 80, servers: [{ address: "10.0.0.2" }] },
    },
    listeners: [Object.fromEntries(Object.entries(listener).filter(([, value]) => value !== undefined))],
  };
  return resolveModel(loadText(stringify(config), { files })).listeners;
}

const kindsOf = (before: Keys, after: Keys) =>
  diffListeners(modelOf(before), modelOf(after)).map(({ kind }) => kind).sort();

Deno.test("every key of a listener is tried here", () => {
  assert.deepEqual(Object.keys(CHANGES).sort(), Object.keys(listenerSchema.shape).sort());
});

for (const [key, [before, after]] of Object.entries(CHANGES)) {
  const said = ON_RELOAD[`listeners[].${key}`] ?? "in place";
  Deno.test(`a changed "${key}" of a listener is as the reference says: ${said}`, () => {
    const wanted = said.startsWith("replaces")
      ? ["replace"]
      : said.startsWith("one listener stops")
      ? ["start", "stop"]
      : ["update"];
    assert.deepEqual(kindsOf(before, after), wanted);
  });
}

Deno.test("what the reference says of ranges, engines and translation holds", () => {
  assert.deepEqual(kindsOf({ ...PORTLESS, ports: "8000-8005" }, { ...PORTLESS, ports: "8006-8009" }), ["replace"]);
  assert.deepEqual(kindsOf(SSL, { ...SSL, tls: { certificate: "www", engine: "fast" } }), ["replace"]);
  const [change] = diffListeners(modelOf(TCP), modelOf({ ...TCP, ipTranslation: true }));
  assert.ok(change?.kind === "replace" && change.disconnect);
});

Deno.test("what is said of a reload is said of keys that there are", () => {
  const reference = renderReference(configJsonSchema());
  for (const [path, said] of Object.entries(ON_RELOAD)) {
    const at = path.lastIndexOf(".");
    const title = at < 0 ? "## Top level" : `## \`${path.slice(0, at)}\``;
    const section = reference.split(`${title}\n`)[1]?.split("\n## ")[0] ?? "";
    const row = section.split("\n").find((line) => line.startsWith(`| \`${path.slice(at + 1)}\` |`));
    assert.ok(row?.endsWith(`| ${said} |`), `${path}: ${row}`);
  }
});
