/** What is read of a ClientHello, however it is cut, and what is not taken for one. @module */

import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type ClientHello,
  MAX_CLIENT_HELLO,
  MAX_CLIENT_HELLO_BYTES,
  readClientHello,
} from "../../../../src/net/tls/client_hello.ts";
import { peerTest, run } from "../../../support/peers.ts";
import { NodeClient } from "./bench.ts";
import { captureHello, hello, helloMessage, type HelloParts, inRecords } from "./hello.ts";

const [SSL3, TLS10, TLS11, TLS12, TLS13, GREASE] = [0x0300, 0x0301, 0x0302, 0x0303, 0x0304, 0x7a7a];

const HELLOS: readonly [what: string, parts: HelloParts, expected: ClientHello][] = [
  ["no name", {}, { serverName: null, newestVersion: TLS12 }],
  ["a name", { names: ["www.example.com"] }, { serverName: "www.example.com", newestVersion: TLS12 }],
  ["a name in upper case", { names: ["WWW.Example.COM"] }, { serverName: "www.example.com", newestVersion: TLS12 }],
  ["a name with a dot at its end", { names: ["a.test."] }, { serverName: "a.test.", newestVersion: TLS12 }],
  ["an empty name", { names: [""] }, { serverName: null, newestVersion: TLS12 }],
  ["an empty name and another", { names: ["", "b.test"] }, { serverName: "b.test", newestVersion: TLS12 }],
  ["two names, of which the first counts", { names: ["a", "b"] }, { serverName: "a", newestVersion: TLS12 }],
  ["a name of 255 bytes", { names: ["x".repeat(255)] }, { serverName: "x".repeat(255), newestVersion: TLS12 }],
  ["a name that is no text", { names: [Uint8Array.of(0xff, 0x00)] }, { serverName: "ÿ\0", newestVersion: TLS12 }],
  ["TLS 1.3", { versions: [TLS13] }, { serverName: null, newestVersion: TLS13 }],
  ["TLS 1.3 after GREASE", { versions: [GREASE, TLS12, TLS13] }, { serverName: null, newestVersion: TLS13 }],
  ["TLS 1.2 in supported_versions", { versions: [TLS12, TLS11] }, { serverName: null, newestVersion: TLS12 }],
  ["a draft of TLS 1.3 and TLS 1.2", { versions: [0x7f1c, TLS12] }, { serverName: null, newestVersion: TLS12 }],
  ["GREASE alone", { versions: [GREASE] }, { serverName: null, newestVersion: 0 }],
  ["an empty supported_versions", { versions: [] }, { serverName: null, newestVersion: 0 }],
  ["TLS 1.1", { legacyVersion: TLS11 }, { serverName: null, newestVersion: TLS11 }],
  ["TLS 1.0", { legacyVersion: TLS10 }, { serverName: null, newestVersion: TLS10 }],
  ["SSL 3 without extensions", { legacyVersion: SSL3, bare: true }, { serverName: null, newestVersion: SSL3 }],
  ["much padding", { names: ["a"], padding: 15_000 }, { serverName: "a", newestVersion: TLS12 }],
];

for (const [what, parts, expected] of HELLOS) {
  Deno.test(`readClientHello() of a hello with ${what}`, () => {
    assert.deepEqual(readClientHello(hello(parts)), { state: "done", hello: expected });
  });
}

Deno.test("readClientHello() joins records of any size, and does not mind what follows", () => {
  const message = helloMessage({ names: ["a.test"], versions: [TLS13] });
  const expected = { state: "done", hello: { serverName: "a.test", newestVersion: TLS13 } };
  for (const most of [1, 2, 3, 4, 5, 7, 100, message.length - 1, message.length]) {
    const bytes = inRecords(message, most);
    assert.deepEqual(readClientHello(bytes), expected, `records of ${most} bytes`);
    assert.deepEqual(readClientHello(Uint8Array.from([...bytes, 23, 3, 3, 0, 1, 0])), expected);
    assert.deepEqual(readClientHello(Uint8Array.from([...bytes, 71, 69, 84])), expected);
  }
});

/** Every prefix wants more, `atLeast` grows, and never goes beyond the end of the hello. */
function assertPrefixes(bytes: Uint8Array): void {
  let before = 0;
  for (let length = 0; length < bytes.length; length++) {
    const result = readClientHello(bytes.subarray(0, length));
    assert.ok(result.state === "more", `${result.state} after ${length} of ${bytes.length} bytes`);
    const { atLeast } = result;
    assert.ok(atLeast > length && atLeast <= bytes.length, `${atLeast} wanted after ${length} of ${bytes.length}`);
    assert.ok(atLeast >= before, `${atLeast} wanted, after ${before} were`);
    before = atLeast;
  }
  assert.equal(readClientHello(bytes).state, "done");
}

Deno.test("readClientHello() wants more of every part of a hello, and never more than the hello has", () => {
  const message = helloMessage({ names: ["a.test"], versions: [GREASE, TLS13] });
  for (const most of [1, 2, 5, 64, message.length]) assertPrefixes(inRecords(message, most));
  fc.assert(fc.property(fc.array(fc.integer({ min: 1, max: 80 }), { minLength: 1 }), (sizes) => {
    const parts: number[] = [];
    for (let at = 0, turn = 0; at < message.length; turn++) {
      const size = sizes[turn % sizes.length] ?? 1;
      parts.push(...inRecords(message.subarray(at, at + size)));
      at += size;
    }
    assertPrefixes(Uint8Array.from(parts));
  }));
});

const text = (text: string) => new TextEncoder().encode(text);

const NOT_TLS: readonly [what: string, bytes: Uint8Array][] = [
  ["HTTP", text("GET / HTTP/1.1\r\n\r\n")],
  ["one letter", text("G")],
  ["SSH", text("SSH-2.0-OpenSSH_9.2\r\n")],
  ["an SSL 2 hello", Uint8Array.of(0x80, 0x2e, 0x01, 0x03, 0x01, 0x00, 0x15)],
  ["an alert", Uint8Array.of(21, 3, 1, 0, 2, 2, 40)],
  ["application data", Uint8Array.of(23, 3, 3, 0, 1, 0)],
  ["a change of cipher", Uint8Array.of(20, 3, 1, 0, 1, 1)],
  ["an empty record", Uint8Array.of(22, 3, 1, 0, 0)],
  ["a record that is too long", Uint8Array.of(22, 3, 1, 0x40, 0x01)],
  ["another version of the record layer", Uint8Array.of(22, 2)],
  ["another version of the record layer, and more", Uint8Array.of(22, 4, 0, 0, 5)],
  ["another handshake message", inRecords(Uint8Array.of(2, 0, 0, 1, 0))],
  ["another handshake message in tiny records", inRecords(Uint8Array.of(16, 0, 0, 1, 0), 1).subarray(0, 6)],
  ["a hello that application data cuts in two", Uint8Array.of(...hello().subarray(0, 3), 0, 1, 1, 23, 3, 1)],
  ["a hello that an empty record cuts in two", Uint8Array.of(22, 3, 1, 0, 1, 1, 22, 3, 1, 0, 0)],
];

for (const [what, bytes] of NOT_TLS) {
  Deno.test(`readClientHello() takes ${what} for no TLS, whatever follows`, () => {
    const expected = { state: "invalid", reason: "not_tls" };
    assert.deepEqual(readClientHello(bytes), expected);
    assert.deepEqual(readClientHello(Uint8Array.from([...bytes, ...hello()])), expected);
  });
}

Deno.test("readClientHello() refuses a hello that says it is too large as soon as it says so", () => {
  const expected = { state: "invalid", reason: "hello_too_large" };
  const head = (length: number) => Uint8Array.of(22, 3, 1, 0, 4, 1, length >> 16, (length >> 8) & 255, length & 255);
  assert.deepEqual(readClientHello(head(MAX_CLIENT_HELLO - 3)), expected);
  assert.deepEqual(readClientHello(head(0xffffff)), expected);
  assert.equal(readClientHello(head(MAX_CLIENT_HELLO - 4)).state, "more");
  assert.equal(readClientHello(hello({ padding: 16_200 })).state, "done");
  assert.deepEqual(readClientHello(inRecords(helloMessage({ padding: 17_000 }), 1000)), expected);
});

Deno.test("readClientHello() never wants more than MAX_CLIENT_HELLO_BYTES, however small the records are", () => {
  const bytes = inRecords(Uint8Array.from([1, 0, 0x3f, 0, ...new Uint8Array(16_000)]), 1);
  for (let length = 0; length <= bytes.length; length += length < MAX_CLIENT_HELLO_BYTES - 200 ? 97 : 1) {
    const result = readClientHello(bytes.subarray(0, length));
    if (result.state === "invalid") {
      assert.equal(result.reason, "hello_too_large");
      assert.ok(length > MAX_CLIENT_HELLO_BYTES - 10, `after ${length} bytes`);
      // And it stays so.
      for (const more of [length + 1, length + 2, length + 3, length + 4, length + 5, length + 6, length + 100]) {
        assert.deepEqual(readClientHello(bytes.subarray(0, more)), result);
      }
      return;
    }
    assert.ok(result.state === "more" && result.atLeast <= MAX_CLIENT_HELLO_BYTES, `${length} bytes`);
    assert.ok(result.atLeast > length);
  }
  assert.fail("it never ended");
});

/** A refusal and a hello stay what they are when more comes. */
function assertConsistent(bytes: Uint8Array): void {
  let before = readClientHello(bytes.subarray(0, 0));
  for (let length = 1; length <= bytes.length; length++) {
    const result = readClientHello(bytes.subarray(0, length));
    if (before.state === "more") {
      if (result.state === "more") assert.ok(result.atLeast >= before.atLeast);
      if (result.state === "done") assert.ok(length >= before.atLeast, "it was said to need more");
    } else {
      assert.deepEqual(result, before);
    }
    before = result;
  }
}

Deno.test("readClientHello() of random bytes, and of hellos with bytes changed, never throws or contradicts itself", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), assertConsistent));
  const message = helloMessage({ names: ["a.test"], versions: [TLS13] });
  const changes = fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { maxLength: 6 });
  fc.assert(fc.property(fc.integer({ min: 1, max: 300 }), changes, (most, changes) => {
    const bytes = inRecords(message, most);
    for (const [at, value] of changes) bytes[at % bytes.length] = value;
    assertConsistent(bytes);
  }));
});

Deno.test("readClientHello() of a hello that is cut short inside, and says it is not, never throws", () => {
  const message = helloMessage({ names: ["a.test"], versions: [TLS13] });
  for (let length = 4; length < message.length; length++) {
    const cut = message.slice(0, length);
    cut.set([0, (length - 4) >> 8, (length - 4) & 255], 1);
    assert.equal(readClientHello(inRecords(cut)).state, "done");
  }
});

Deno.test("readClientHello() reads the hello of Deno.connectTls()", async () => {
  for (const hostname of ["localhost", "127.0.0.1"]) {
    const bytes = await captureHello(async (port) => {
      const connection = await Deno.connectTls({ hostname, port, alpnProtocols: ["h2"] });
      await connection.handshake().finally(() => connection.close());
    });
    const serverName = hostname === "localhost" ? hostname : null;
    assert.deepEqual(readClientHello(bytes), { state: "done", hello: { serverName, newestVersion: TLS13 } });
    assertPrefixes(bytes);
  }
});

for (const [maxVersion, newestVersion] of [["TLSv1.2", TLS12], ["TLSv1.3", TLS13]] as const) {
  Deno.test(`readClientHello() reads the hello of node:tls with ${maxVersion}`, async () => {
    const bytes = await captureHello(async (port) => {
      await using client = new NodeClient(port, { maxVersion, servername: "Node.TEST" });
      await client.closed;
    });
    assert.deepEqual(readClientHello(bytes), { state: "done", hello: { serverName: "node.test", newestVersion } });
    assertPrefixes(bytes);
  });
}

peerTest("readClientHello() reads the hellos of openssl s_client", ["openssl"], async ({ openssl }) => {
  const cases: readonly [args: string[], expected: ClientHello][] = [
    [["-servername", "a.test"], { serverName: "a.test", newestVersion: TLS13 }],
    [["-noservername", "-tls1_2"], { serverName: null, newestVersion: TLS12 }],
    [["-noservername", "-tls1_1", "-cipher", "ALL:@SECLEVEL=0"], { serverName: null, newestVersion: TLS11 }],
    [["-noservername", "-tls1", "-cipher", "ALL:@SECLEVEL=0"], { serverName: null, newestVersion: TLS10 }],
    [["-servername", "a.test", "-max_send_frag", "512"], { serverName: "a.test", newestVersion: TLS13 }],
  ];
  for (const [args, expected] of cases) {
    const bytes = await captureHello((port) => run(openssl, ["s_client", "-connect", `127.0.0.1:${port}`, ...args]));
    assert.deepEqual(readClientHello(bytes), { state: "done", hello: expected }, args.join(" "));
    assertPrefixes(bytes);
  }
});

peerTest("readClientHello() reads the hellos of curl", ["curl"], async ({ curl }) => {
  for (const [version, newestVersion] of [["1.2", TLS12], ["1.3", TLS13]] as const) {
    const bytes = await captureHello((port) =>
      run(curl, ["-sk", "--tls-max", version, "--connect-to", `::127.0.0.1:${port}`, "https://curl.test/"])
    );
    assert.deepEqual(readClientHello(bytes), { state: "done", hello: { serverName: "curl.test", newestVersion } });
  }
});
