/** Headers damaged at random are read as the reference reads them, or refused; nothing throws or hangs. @module */

import assert from "node:assert/strict";
import { decodeProxyHeader } from "../../../../src/net/proxy_protocol/decode.ts";
import { randomFrom } from "../../../support/random.ts";
import { bytesOf } from "./feed.ts";
import { headerSeeds, resultInWords } from "./headers.ts";
import { referenceReading } from "./reference.ts";

const ROUNDS = 100_000;

/** Bytes that mean something to one version or the other come often. */
const TELLING = bytesOf("\r\n  .:0123456789afAF\0\x01\x02\x03\x04\x05\x10\x11\x12\x20\x21\x22\x31\x7f\x80\xff");

function mutate(bytes: Uint8Array, random: (below: number) => number): Uint8Array {
  const list = [...bytes];
  const byte = () => random(2) === 0 ? random(256) : TELLING[random(TELLING.length)] ?? 0;
  for (let left = random(4); left >= 0; left--) {
    const at = random(list.length + 1);
    switch (random(7)) {
      case 0: // one bit
        if (at < list.length) list[at] = (list[at] ?? 0) ^ (1 << random(8));
        break;
      case 1: // one byte
        if (at < list.length) list[at] = byte();
        break;
      case 2:
        list.splice(at, 0, byte());
        break;
      case 3:
        list.splice(at, 1 + random(4));
        break;
      case 4: // cut off
        list.length = random(4) === 0 ? at : list.length;
        break;
      case 5: { // the beginning of this and the end of another
        const other = headerSeeds[random(headerSeeds.length)] ?? bytes;
        list.splice(at, list.length, ...other.subarray(random(other.length)));
        break;
      }
      case 6: // a piece of itself once more, as when segments repeat
        list.splice(at, 0, ...list.slice(random(list.length + 1)).slice(0, random(12)));
    }
  }
  return Uint8Array.from(list);
}

Deno.test(`decodeProxyHeader() reads ${ROUNDS} damaged headers as the reference does`, () => {
  const random = randomFrom(20260427);
  const counts: Record<string, number> = {};
  for (let round = 0; round < ROUNDS; round++) {
    const bytes = mutate(headerSeeds[round % headerSeeds.length] ?? new Uint8Array(), random);
    const words = resultInWords(decodeProxyHeader(bytes));
    assert.equal(words, referenceReading(bytes), `round ${round}: ${bytes.toHex()}`);
    const [kind = ""] = words.split(" ", 1);
    counts[kind] = (counts[kind] ?? 0) + 1;
  }
  // The damage must be of every degree, or the comparison shows nothing.
  for (const kind of ["PROXY", "UNKNOWN", "LOCAL", "invalid", "incomplete"]) {
    assert.ok((counts[kind] ?? 0) > ROUNDS / 500, JSON.stringify(counts));
  }
});

Deno.test("decodeProxyHeader() never changes its verdict when more bytes follow", () => {
  const random = randomFrom(9);
  for (let round = 0; round < 3000; round++) {
    const bytes = mutate(headerSeeds[round % headerSeeds.length] ?? new Uint8Array(), random);
    let verdict = "incomplete";
    for (let length = 0; length <= bytes.length; length++) {
      const words = resultInWords(decodeProxyHeader(bytes.subarray(0, length)));
      if (verdict !== "incomplete") assert.equal(words, verdict, `${length} bytes of ${bytes.toHex()}`);
      verdict = words;
    }
  }
});

Deno.test("decodeProxyHeader() takes noise of any kind and length", () => {
  const random = randomFrom(77);
  for (let round = 0; round < 2000; round++) {
    const noise = Uint8Array.from({ length: random(300) }, () => random(256));
    assert.equal(resultInWords(decodeProxyHeader(noise)), referenceReading(noise));
    const signed = bytesOf("\r\n\r\n\0\r\nQUIT\n", Uint8Array.of(0x20 + random(2), random(64), 0), noise);
    assert.equal(resultInWords(decodeProxyHeader(signed)), referenceReading(signed), signed.toHex());
  }
  const many = new Uint8Array(16 + 65535).fill(0); // 21,841 empty TLVs
  many.set(bytesOf("\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff"));
  assert.equal(decodeProxyHeader(many).state, "done");
});
