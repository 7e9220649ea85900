/** The client's route, and the header that is made of it. @module */

import assert from "node:assert/strict";
import { decodeProxyHeader } from "../../../src/net/proxy_protocol/decode.ts";
import type { ProxyHeader, Tlv } from "../../../src/net/proxy_protocol/header.ts";
import { readSslTlv, SslClient } from "../../../src/net/proxy_protocol/ssl_tlv.ts";
import { TlvType } from "../../../src/net/proxy_protocol/tlv.ts";
import {
  buildProxyHeader,
  readProxyHeader,
  type Route,
  routeOf,
  type TlsFacts,
} from "../../../src/session/proxy_header.ts";

const address = (hostname: string, port: number): Deno.NetAddr => ({ transport: "tcp", hostname, port });
const connection = { remoteAddr: address("::ffff:192.0.2.9", 4711), localAddr: address("::ffff:192.0.2.1", 25) };

function proxied(source: string, destination: string): ProxyHeader {
  const family = source.includes(":") ? "IPv6" : "IPv4";
  return {
    command: "PROXY",
    family,
    source: { address: source, port: 1 },
    destination: { address: destination, port: 2 },
    tlvs: [],
  };
}

const route = (source: string, sourcePort: number, destination: string, destinationPort: number): Route => ({
  source: { address: source, port: sourcePort },
  destination: { address: destination, port: destinationPort },
});

const routes: readonly [what: string, header: ProxyHeader | undefined, expected: Route][] = [
  ["no header: the connection's own ends, IPv4 as such", undefined, route("192.0.2.9", 4711, "192.0.2.1", 25)],
  ["LOCAL: the connection's own ends", { command: "LOCAL" }, route("192.0.2.9", 4711, "192.0.2.1", 25)],
  ["UNKNOWN: the connection's own ends", { command: "UNKNOWN" }, route("192.0.2.9", 4711, "192.0.2.1", 25)],
  ["IPv4", proxied("203.0.113.7", "198.51.100.2"), route("203.0.113.7", 1, "198.51.100.2", 2)],
  ["IPv6", proxied("2001:db8::7", "2001:db8::2"), route("2001:db8::7", 1, "2001:db8::2", 2)],
  [
    "IPv4 inside IPv6 counts as IPv4",
    proxied("::ffff:cb00:7107", "::ffff:c633:6402"),
    route("203.0.113.7", 1, "198.51.100.2", 2),
  ],
];

for (const [what, header, expected] of routes) {
  Deno.test(`routeOf() with ${what}`, () => assert.deepEqual(routeOf(connection, header), expected));
}

Deno.test("buildProxyHeader() writes a route that mixes families as IPv6", () => {
  for (const version of [1, 2] as const) {
    const bytes = buildProxyHeader(route("203.0.113.7", 1, "2001:db8::2", 2), { version, checksum: true }, null);
    const result = decodeProxyHeader(bytes);
    assert.ok(result.state === "done" && result.header.command === "PROXY");
    assert.deepEqual(
      [result.header.family, result.header.source.address, result.header.destination.address],
      ["IPv6", "::ffff:cb00:7107", "2001:db8::2"],
    );
  }
});

const TLS: TlsFacts = { version: null, cipher: null, alpn: null, serverName: null, client: null, resumed: false };
const FULL: TlsFacts = {
  version: "TLSv1.3",
  cipher: "TLS_AES_128_GCM_SHA256",
  alpn: "h2",
  serverName: "www.example.com",
  client: { commonName: "Jörg" },
  resumed: false,
};

/** What a version 2 header tells of a client's TLS. */
function toldOf(tls: TlsFacts | null) {
  const bytes = buildProxyHeader(route("203.0.113.7", 1, "198.51.100.2", 2), { version: 2, checksum: false }, tls);
  const result = decodeProxyHeader(bytes);
  assert.ok(result.state === "done" && result.header.command === "PROXY");
  const { tlvs } = result.header;
  const find = (type: number) => tlvs.find((tlv) => tlv.type === type);
  const text = (tlv: Tlv | undefined) => new TextDecoder().decode(tlv?.value);
  const [alpn, authority, ssl] = [find(TlvType.ALPN), find(TlvType.AUTHORITY), find(TlvType.SSL)];
  return {
    ...(alpn === undefined ? {} : { alpn: text(alpn) }),
    ...(authority === undefined ? {} : { authority: text(authority) }),
    ...(ssl === undefined ? {} : { ssl: readSslTlv(ssl) }),
    hasUniqueId: find(TlvType.UNIQUE_ID) !== undefined,
    tlvs: tlvs.length,
  };
}

const { SSL, CERT_CONN, CERT_SESS } = SslClient;

const FACTS: readonly [what: string, tls: TlsFacts | null, expected: ReturnType<typeof toldOf>][] = [
  ["nothing for a TCP client", null, { hasUniqueId: false, tlvs: 0 }],
  [
    "TLS and no more where no more is known",
    TLS,
    { ssl: { client: SSL, verify: 1 }, hasUniqueId: true, tlvs: 2 },
  ],
  [
    "ALPN, the name asked for, version, cipher and the certificate's common name",
    FULL,
    {
      alpn: "h2",
      authority: "www.example.com",
      ssl: {
        client: SSL | CERT_CONN | CERT_SESS,
        verify: 0,
        version: "TLSv1.3",
        commonName: "Jörg",
        cipher: "TLS_AES_128_GCM_SHA256",
      },
      hasUniqueId: true,
      tlvs: 4,
    },
  ],
  [
    "that a certificate without a common name was shown earlier, in a resumed session",
    { ...TLS, client: { commonName: null }, resumed: true },
    { ssl: { client: SSL | CERT_SESS, verify: 0 }, hasUniqueId: true, tlvs: 2 },
  ],
  [
    "of no certificate in a resumed session without one",
    { ...TLS, resumed: true },
    { ssl: { client: SSL, verify: 1 }, hasUniqueId: true, tlvs: 2 },
  ],
];

for (const [what, tls, expected] of FACTS) {
  Deno.test(`buildProxyHeader() of version 2 tells ${what}`, () => assert.deepEqual(toldOf(tls), expected));
}

Deno.test("readProxyHeader() reads a header that is larger than its first buffer, and gives back what follows", async () => {
  const noop = { type: 0x04, value: new Uint8Array(3000) };
  const { encodeV2 } = await import("../../../src/net/proxy_protocol/v2.ts");
  const header = encodeV2(proxied("203.0.113.7", "198.51.100.2"), { tlvs: [noop] });
  const sent = new Uint8Array([...header, 1, 2, 3]);
  let at = 0;
  const result = await readProxyHeader({
    read: (buffer) => {
      const part = sent.subarray(at, at + Math.min(buffer.length, 700));
      buffer.set(part);
      at += part.length;
      return Promise.resolve(part.length === 0 ? null : part.length);
    },
    write: () => Promise.reject(new Error("Nothing is written")),
    closeWrite: () => Promise.resolve(),
    close: () => {},
  });
  assert.ok(typeof result === "object");
  assert.equal(result.header.command, "PROXY");
  // What lies behind the header and was read with it, no more.
  assert.deepEqual([...result.rest], [...sent.subarray(header.length, at)]);
});
