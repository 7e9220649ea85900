/**
 * Reads a PROXY protocol header of either version from the first bytes of a connection.
 *
 * @module
 */

import { type DecodeResult, hex, invalid } from "./header.ts";
import { decodeV1, V1_SHORTEST, V1_START } from "./v1.ts";
import { decodeV2, V2_START } from "./v2.ts";

/**
 * Reads the header at the start of `bytes`, the first bytes of a connection as far as they have arrived. While the
 * result is `incomplete`, call it again with all bytes so far and more. It keeps nothing between calls, never throws,
 * and takes time linear in the header; an incomplete one is not looked into beyond its first 107 bytes. Bytes after
 * the header are payload and are not looked at; the result shares no memory with `bytes`.
 *
 * Both versions are told apart by their first byte (section 2.2, "Identifying the protocol version is easy"), and
 * bytes that can no longer become a header are `invalid` at once, so that a stranger who never sends more is not
 * waited for. Whoever may send a header at all is for the caller to know: nothing here guesses whether there is one.
 *
 * @param bytes everything received so far
 *
 * @example
 * ```ts
 * const result = decodeProxyHeader(new TextEncoder().encode("PROXY TCP4 192.0.2.1 192.0.2.9 56324 443\r\nGET /"));
 * if (result.state === "done") console.log(result.header, result.length); // …, 42
 * ```
 */
export function decodeProxyHeader(bytes: Uint8Array): DecodeResult {
  const first = bytes[0];
  if (first === undefined) return { state: "incomplete", atLeast: V1_SHORTEST };
  if (first === V1_START) return decodeV1(bytes);
  if (first === V2_START) return decodeV2(bytes);
  return invalid(`Expected a PROXY protocol header, got a first byte of ${hex(first)}`);
}
