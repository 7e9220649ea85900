/**
 * Blocks of bytes with their length in front, as the benchmark's client sends them to its sink.
 *
 * @module
 */

/** Bytes of a length. */
export const LENGTH_BYTES = 8;

/** Bytes of one block, and of the large file that comes the other way. */
export const BLOCK_BYTES = 16 * 1024 * 1024;

/** Fills a buffer. @returns false when the other side has ended before */
export async function readExactly(connection: Deno.Conn, buffer: Uint8Array): Promise<boolean> {
  for (let filled = 0; filled < buffer.length;) {
    const count = await connection.read(buffer.subarray(filled));
    if (count === null) return false;
    filled += count;
  }
  return true;
}

/** Writes all of a buffer. */
export async function writeAll(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length;) {
    written += await connection.write(written === 0 ? bytes : bytes.subarray(written));
  }
}
