/** PROXY protocol headers, as a client's first bytes in pieces of any size. @module */

import assert from "node:assert/strict";
import fc from "fast-check";
import { decodeProxyHeader } from "../../../src/net/proxy_protocol/decode.ts";
import type { DecodeResult, ProxyHeader } from "../../../src/net/proxy_protocol/header.ts";
import { readSslTlv, sslTlv } from "../../../src/net/proxy_protocol/ssl_tlv.ts";
import { encodeV1 } from "../../../src/net/proxy_protocol/v1.ts";
import { encodeV2 } from "../../../src/net/proxy_protocol/v2.ts";
import { readProxyHeader } from "../../../src/session/proxy_header.ts";
import { randomFrom } from "../../support/random.ts";
import { bytesOf, feedByteByByte } from "../../unit/net/proxy_protocol/feed.ts";
import { headerSeeds, resultInWords } from "../../unit/net/proxy_protocol/headers.ts";
import { referenceReading } from "../../unit/net/proxy_protocol/reference.ts";
import { MemoryStream } from "../../unit/session/memory_stream.ts";
import { type FuzzTarget, shapeOf } from "../target.ts";

/** Longer ones are not fed byte by byte: that is quadratic by itself. */
const FED = 700;

async function check(input: Uint8Array): Promise<string> {
  const whole = decodeProxyHeader(input);
  assert.equal(resultInWords(whole), referenceReading(input), "the reference reads something else");
  if (input.length <= FED) feedByteByByte(input);
  await assertReadInPieces(input, whole);
  if (whole.state === "invalid") {
    assert.match(whole.reason, /^[ -~]{1,500}$/, "a reason is short and printable");
    return `invalid ${shapeOf(whole.reason)}`;
  }
  if (whole.state === "incomplete") return `incomplete ${whole.atLeast}`;
  assertWrittenAnew(whole.header);
  const { header } = whole;
  return `${header.command} ${
    header.command === "PROXY" ? `${header.family} ${header.tlvs.map(({ type }) => type)}` : ""
  }`;
}

/** The reader of sessions comes to the same, whatever the pieces, and gives back every byte that is not of the header. */
async function assertReadInPieces(input: Uint8Array, whole: DecodeResult): Promise<void> {
  const random = randomFrom(input.length);
  const stream = new MemoryStream();
  for (let at = 0; at < input.length;) {
    const size = 1 + random(random(2) === 0 ? 8 : 1000);
    stream.push(input.slice(at, at + size));
    at += size;
  }
  stream.end();
  const read = await readProxyHeader(stream);
  if (whole.state === "done") {
    assert.ok(typeof read === "object");
    assert.deepEqual(read.header, whole.header);
    assert.deepEqual(read.rest, input.slice(whole.length, whole.length + read.rest.length));
  } else if (whole.state === "invalid") assert.equal(typeof read, "string");
  else assert.equal(read, input.length === 0 ? undefined : "the connection ended within the header");
}

function assertWrittenAnew(header: ProxyHeader): void {
  const again = decodeProxyHeader(encodeV2(header, { crc32c: true }));
  assert.ok(again.state === "done");
  assert.deepEqual(again.header, header);
  if (header.command !== "PROXY") return;
  const line = decodeProxyHeader(encodeV1(header));
  assert.ok(line.state === "done");
  assert.deepEqual(line.header, { ...header, tlvs: [] });
  for (const tlv of header.tlvs) {
    const details = readSslTlv(tlv);
    if (details !== undefined) sslTlvWritable(details);
  }
}

/** What a stranger's TLV says may be more than can be written, but reading it again must give the same. */
function sslTlvWritable(details: NonNullable<ReturnType<typeof readSslTlv>>): void {
  try {
    assert.deepEqual(readSslTlv(sslTlv(details)), details);
  } catch (error) {
    // Texts other than US-ASCII are read and not written.
    if (!(error instanceof TypeError)) throw error;
  }
}

const generated = fc.tuple(
  fc.constantFrom("11", "12", "21", "22", "31", "32", "00", "01", "10", "20"),
  fc.constantFrom(0x20, 0x21),
  fc.array(fc.tuple(fc.integer({ min: 0, max: 255 }), fc.uint8Array({ maxLength: 40 })), { maxLength: 6 }),
  fc.uint8Array({ minLength: 216, maxLength: 216 }),
  fc.integer({ min: -2, max: 2 }),
).map(([kind, command, tlvs, addresses, off]) => {
  const block = addresses.subarray(0, { "1": 12, "2": 36, "3": 216 }[kind.charAt(0)] ?? 0);
  const rest = [...block, ...tlvs.flatMap(([type, value]) => [type, value.length >> 8, value.length & 255, ...value])];
  const length = Math.max(0, rest.length + (off === 1 || off === -1 ? off : 0));
  const head = [command, parseInt(kind, 16), length >> 8, length & 255];
  return bytesOf("\r\n\r\n\0\r\nQUIT\n", Uint8Array.from([...head, ...rest]));
});

/** The target. */
export const proxyHeaderTarget: FuzzTarget = {
  name: "proxy-header",
  holds:
    "read as a second reader, written from the specification alone, reads it; the same in pieces of any size, no " +
    "byte of what follows lost; what is read is written and read back as it was; a reason is short and printable",
  isText: false,
  seeds: () => headerSeeds,
  words: [
    ...["PROXY ", "TCP4 ", "TCP6 ", "UNKNOWN", "\r\n", "\r", " ", "255.255.255.255", "::", "65535", "ffff:", "0"],
    ...["\r\n\r\n\0\r\nQUIT\n", "\x20", "\x21", "\x11", "\x12", "\x31", "\x00\x0c", "\x00\x24", "\x03\x00\x04"],
    bytesOf("\x00\xd8"),
    bytesOf("\xff\xff"),
    bytesOf("\x05\x00\x81"),
  ],
  generated,
  longest: 70_000,
  check,
};
