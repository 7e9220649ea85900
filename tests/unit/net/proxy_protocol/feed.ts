/** Feeds the decoder as a connection does, one byte after the other. @module */

import assert from "node:assert/strict";
import { decodeProxyHeader } from "../../../../src/net/proxy_protocol/decode.ts";
import type { DecodeResult } from "../../../../src/net/proxy_protocol/header.ts";

/** The first verdict that is not `incomplete`, and after how many bytes it came. */
export interface Verdict {
  readonly result: DecodeResult;
  readonly after: number;
}

/**
 * Decodes `bytes` one byte after the other until there is a verdict, and checks on the way what every result must
 * keep: `atLeast` asks for more than there is, never less than before and never more than the header turns out to be,
 * and a verdict never changes, whatever follows.
 */
export function feedByteByByte(bytes: Uint8Array): Verdict {
  let asked = 0;
  for (let after = 0; after <= bytes.length; after++) {
    const result = decodeProxyHeader(bytes.slice(0, after));
    if (result.state === "incomplete") {
      assert.ok(result.atLeast > after, `asks for ${result.atLeast} bytes when ${after} are there`);
      assert.ok(result.atLeast >= asked, `asked for ${asked} bytes, then for ${result.atLeast}`);
      asked = result.atLeast;
      continue;
    }
    if (result.state === "done") assert.ok(asked <= result.length, `asked for ${asked} of ${result.length} bytes`);
    const later = decodeProxyHeader(bytes);
    assert.equal(later.state, result.state);
    if (result.state === "done") assert.deepEqual(later, result);
    return { result, after };
  }
  return { result: decodeProxyHeader(bytes), after: bytes.length };
}

/** Bytes from text (one byte a character) and hexadecimal numbers. */
export function bytesOf(...parts: readonly (string | Uint8Array)[]): Uint8Array {
  const bytes = parts.flatMap((part) =>
    typeof part === "string" ? [...part].map((one) => one.charCodeAt(0)) : [...part]
  );
  return Uint8Array.from(bytes);
}
