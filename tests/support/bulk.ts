/** Streams too long for memory: a pattern that never repeats, and a hash of it at both ends. @module */

import { createHash } from "node:crypto";
import { writeAll } from "./servers.ts";

const CHUNK = 262144;

/** What went through one end. */
export interface Passed {
  readonly bytes: number;
  readonly sha256: string;
}

interface Writable {
  write(bytes: Uint8Array): Promise<number>;
  closeWrite(): Promise<void>;
}

interface Readable {
  read(buffer: Uint8Array): Promise<number | null>;
}

/** Writes `total` bytes that depend on `seed`, then ends the writing side. */
export async function sendPattern(connection: Writable, seed: number, total: number): Promise<Passed> {
  const hash = createHash("sha256");
  const chunk = pattern(seed);
  const words = new DataView(chunk.buffer);
  for (let sent = 0; sent < total; sent += CHUNK) {
    // A place every 4 KiB that no other chunk has: lost, doubled or swapped buffers change the hash.
    for (let at = 0; at < CHUNK; at += 4096) words.setFloat64(at, sent + at);
    const part = chunk.subarray(0, Math.min(CHUNK, total - sent));
    hash.update(part);
    await writeAll(connection, part);
  }
  await connection.closeWrite();
  return { bytes: total, sha256: hash.digest("hex") };
}

/** Reads to the end. */
export async function receivePattern(connection: Readable): Promise<Passed> {
  const hash = createHash("sha256");
  const buffer = new Uint8Array(CHUNK);
  let bytes = 0;
  for (let count = await connection.read(buffer); count !== null; count = await connection.read(buffer)) {
    hash.update(buffer.subarray(0, count));
    bytes += count;
  }
  return { bytes, sha256: hash.digest("hex") };
}

function pattern(seed: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(CHUNK);
  let state = seed;
  for (let at = 0; at < CHUNK; at++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[at] = state >>> 24;
  }
  return bytes;
}
