/**
 * Source hash: a client's address decides which server it gets, and goes on getting. Weighted rendezvous hashing: taking
 * a server out moves its own clients only, and they spread over the rest by weight.
 *
 * @module
 */

import { plainPeerAddress } from "../net/ip.ts";
import type { Candidate } from "./scheduler.ts";

/** A well-spread 32-bit number for a text (FNV-1a with a final mix). */
export function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return mix(hash);
}

/** Spreads the bits of a 32-bit number (the finalizer of MurmurHash3). */
function mix(value: number): number {
  let bits = value;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}

/** Each server draws a number from the client's address and its own identity; the best for its weight takes it. */
export function sourceHash<Server extends Candidate>(
  candidates: readonly Server[],
  client: string,
): Server | undefined {
  const key = hashText(plainPeerAddress(client));
  let best: Server | undefined;
  let bestScore = Infinity;
  for (const candidate of candidates) {
    // Exponentially distributed with the weight as its rate: the smallest of all wins with probability by weight.
    const draw = (mix(key ^ candidate.hash) + 0.5) / 0x1_0000_0000;
    const score = -Math.log(draw) / candidate.weight;
    if (score < bestScore) {
      best = candidate;
      bestScore = score;
    }
  }
  return best;
}
