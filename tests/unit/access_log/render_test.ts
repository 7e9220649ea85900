/** Lines of the access log: how they look, and that nothing a client chooses gets out of its value. @module */

import assert from "node:assert/strict";
import fc from "fast-check";
import type { AccessRecord } from "../../../src/access_log/record.ts";
import { renderAccess } from "../../../src/access_log/render.ts";
import { shown } from "../../support/documentation.ts";
import { projectPath } from "../../support/program.ts";
import { accessRecordOf } from "./records.ts";

const START = '{"time":"2026-11-20T13:00:00.005Z","type":"access","id":"00394a0d-a0bf-49d5-9eee-5bcc992ea907",';
const TEXT_START = "2026-11-20T13:00:00.005Z access id=00394a0d-a0bf-49d5-9eee-5bcc992ea907 ";

const TLS = {
  version: "TLSv1.3",
  cipher: "TLS_AES_128_GCM_SHA256",
  serverName: "www.example.com",
  clientCn: "alice",
  alpn: "h2",
  resumed: false,
};

const cases: readonly (readonly [what: string, given: Partial<AccessRecord>, json: string, text: string])[] = [
  [
    "a TCP connection",
    {},
    '"listener":"web","client":"192.0.2.7:50123","destination":"198.51.100.1:443","server":"10.0.0.11:80",' +
    '"reason":"client_closed","bytesIn":123,"bytesOut":45678,"duration":1.234568,"connectTime":0.0012}',
    "listener=web client=192.0.2.7:50123 destination=198.51.100.1:443 server=10.0.0.11:80 reason=client_closed " +
    "in=123 out=45678 duration=1.234568 connect=0.0012",
  ],
  [
    "IPv6, a header from a load balancer, and a server of a port range",
    {
      client: { address: "2001:db8::7", port: 1 },
      peer: { address: "2001:db8::1", port: 2 },
      destination: { address: "2001:db8::2", port: 3 },
      server: { key: "2001:db8::3", address: "2001:db8::3" },
      serverPort: 3,
    },
    '"listener":"web","client":"[2001:db8::7]:1","peer":"[2001:db8::1]:2","destination":"[2001:db8::2]:3",' +
    '"server":"2001:db8::3","serverAddress":"[2001:db8::3]:3","reason":"client_closed","bytesIn":123,' +
    '"bytesOut":45678,"duration":1.234568,"connectTime":0.0012}',
    "listener=web client=[2001:db8::7]:1 peer=[2001:db8::1]:2 destination=[2001:db8::2]:3 server=2001:db8::3 " +
    "address=[2001:db8::3]:3 reason=client_closed in=123 out=45678 duration=1.234568 connect=0.0012",
  ],
  [
    "TLS with everything known",
    { handshakeTime: 0.0315, tls: TLS },
    '"listener":"web","client":"192.0.2.7:50123","destination":"198.51.100.1:443","server":"10.0.0.11:80",' +
    '"reason":"client_closed","bytesIn":123,"bytesOut":45678,"duration":1.234568,"connectTime":0.0012,' +
    '"handshakeTime":0.0315,"tls":{"version":"TLSv1.3","cipher":"TLS_AES_128_GCM_SHA256",' +
    '"serverName":"www.example.com","clientCn":"alice","alpn":"h2","resumed":false}}',
    "listener=web client=192.0.2.7:50123 destination=198.51.100.1:443 server=10.0.0.11:80 reason=client_closed " +
    "in=123 out=45678 duration=1.234568 connect=0.0012 handshake=0.0315 tls=TLSv1.3 " +
    "cipher=TLS_AES_128_GCM_SHA256 sni=www.example.com cn=alice alpn=h2",
  ],
  [
    "TLS of which nothing is known",
    { tls: { version: null, cipher: null, serverName: null, clientCn: null, alpn: null, resumed: true } },
    '"listener":"web","client":"192.0.2.7:50123","destination":"198.51.100.1:443","server":"10.0.0.11:80",' +
    '"reason":"client_closed","bytesIn":123,"bytesOut":45678,"duration":1.234568,"connectTime":0.0012,' +
    '"tls":{"resumed":true}}',
    "listener=web client=192.0.2.7:50123 destination=198.51.100.1:443 server=10.0.0.11:80 reason=client_closed " +
    "in=123 out=45678 duration=1.234568 connect=0.0012 resumed=true",
  ],
  [
    "a client that did not get in",
    {
      server: null,
      connectTime: null,
      bytesIn: 0,
      bytesOut: 0,
      duration: 0.0000004,
      reason: "handshake_failed",
      failure: "unknown_ca",
      detail: 'the client\'s certificate "CN=eve" was refused',
    },
    '"listener":"web","client":"192.0.2.7:50123","destination":"198.51.100.1:443","reason":"handshake_failed",' +
    '"detail":"the client\'s certificate \\"CN=eve\\" was refused","failure":"unknown_ca","bytesIn":0,' +
    '"bytesOut":0,"duration":0}',
    "listener=web client=192.0.2.7:50123 destination=198.51.100.1:443 reason=handshake_failed " +
    'detail="the client\'s certificate \\"CN=eve\\" was refused" failure=unknown_ca in=0 out=0 duration=0',
  ],
];

for (const [what, given, json, text] of cases) {
  Deno.test(`renderAccess() of ${what}`, () => {
    assert.equal(renderAccess(accessRecordOf(given), "json"), START + json);
    assert.equal(renderAccess(accessRecordOf(given), "text"), TEXT_START + text);
  });
}

Deno.test("renderAccess() gives a connection without a name one that no other has", () => {
  const names = [1, 2].map(() => JSON.parse(renderAccess(accessRecordOf({ id: null }), "json")).id);
  for (const name of names) assert.match(name, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  assert.notEqual(names[0], names[1]);
});

Deno.test("renderAccess() writes every time as toISOString() does", () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 4102444800000 }), (time) => {
    assert.equal(JSON.parse(renderAccess(accessRecordOf({ time }), "json")).time, new Date(time).toISOString());
  }));
});

/** Characters that end a line, or are none to be seen, for some reader or terminal. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

const anyText = fc.oneof(
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.string({ unit: "grapheme", maxLength: 40 }),
  fc.constantFrom(
    '"',
    "\\",
    "\n",
    "\r\n",
    "\u2028",
    "\u0085",
    "\u202e",
    "\u009b31m",
    "\ud800",
    " a=b ",
    "",
    '\\"',
    "\0",
  ),
);

const anyRecord = fc.record({
  listener: anyText,
  detail: anyText,
  serverName: anyText,
  clientCn: anyText,
  alpn: anyText,
})
  .map(({ listener, detail, ...tls }) =>
    accessRecordOf({ listener, detail, tls: { version: "TLSv1.2", cipher: "x", resumed: false, ...tls } })
  );

/** Well-formed UTF-16, as it comes back from a file. */
const throughUtf8 = (text: string) => new TextDecoder().decode(new TextEncoder().encode(text));

Deno.test("renderAccess() makes one line of valid JSON, whatever names hold", () => {
  fc.assert(
    fc.property(anyRecord, (record) => {
      const line = throughUtf8(renderAccess(record, "json"));
      assert.doesNotMatch(line, UNSEEN);
      const { listener, detail, tls } = JSON.parse(line);
      assert.deepEqual({ listener, detail, tls }, {
        listener: record.listener,
        detail: record.detail,
        tls: record.tls,
      });
    }),
    { numRuns: 1000 },
  );
});

/** Reads a line as its documentation says. */
function parseText(line: string): Map<string, string> {
  const [, rest = ""] = /^\S+ access (.*)$/s.exec(line) ?? [];
  const fields = new Map<string, string>();
  let at = 0;
  for (const match of rest.matchAll(/([a-z]+)=("(?:[^"\\]|\\.)*"|[^\s"=]+)( |$)/gy)) {
    const [whole, key = "", value = ""] = match;
    assert.equal(match.index, at);
    at += whole.length;
    assert.equal(fields.has(key), false, `${key} comes twice`);
    fields.set(key, value.startsWith('"') ? JSON.parse(value) : value);
  }
  assert.equal(at, rest.length, `not fields: ${rest.slice(at)}`);
  return fields;
}

Deno.test("renderAccess() makes one line of text that gives every value back, whatever names hold", () => {
  fc.assert(
    fc.property(anyRecord, (record) => {
      const line = throughUtf8(renderAccess(record, "text"));
      assert.doesNotMatch(line, UNSEEN);
      const fields = parseText(line);
      const { serverName, clientCn, alpn } = record.tls ?? {};
      assert.deepEqual(
        [fields.get("listener"), fields.get("detail"), fields.get("sni"), fields.get("cn"), fields.get("alpn")],
        [record.listener, record.detail, serverName, clientCn, alpn],
      );
      assert.equal(fields.get("in"), "123");
    }),
    { numRuns: 1000 },
  );
});

Deno.test("docs/access-log.md shows lines as they are", () => {
  const json = accessRecordOf({
    listener: "web-tls",
    handshakeTime: 0.0315,
    tls: { ...TLS, alpn: null },
  });
  const text = accessRecordOf({ destination: { address: "198.51.100.1", port: 80 } });
  assert.equal(shown("docs/access-log.md", '{"time":'), `${renderAccess(json, "json")}\n`);
  assert.equal(shown("docs/access-log.md", "2026-11-20T13:00:00.005Z access"), `${renderAccess(text, "text")}\n`);
});

Deno.test("docs/access-log.md names every field", () => {
  const docs = Deno.readTextFileSync(projectPath("docs/access-log.md"));
  const full = accessRecordOf({
    peer: { address: "192.0.2.1", port: 1 },
    serverPort: 81,
    detail: "d",
    failure: "hung_up",
    handshakeTime: 1,
    tls: { ...TLS, resumed: true },
  });
  const { tls, ...rest } = JSON.parse(renderAccess(full, "json"));
  const json = [...Object.keys(rest), ...Object.keys(tls).map((key) => `tls.${key}`)];
  const text = [...parseText(renderAccess(full, "text")).keys()];
  for (const key of [...json, ...text]) {
    assert.match(docs, new RegExp(`^\\|.*\`${key.replace(".", "\\.")}\`.*\\|`, "m"), key);
  }
});
