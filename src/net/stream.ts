/**
 * The seam between the relay and whatever carries bytes. `Deno.TcpConn` and `Deno.TlsConn` fit it as they are.
 *
 * @module
 */

/** Something that can be read from, written to, half-closed and closed. */
export interface ByteStream {
  /** Reads at least one byte into a buffer that has room for one; `null`, or 0, at the end. */
  read(buffer: Uint8Array): Promise<number | null>;
  /** Writes some bytes and says how many. */
  write(bytes: Uint8Array): Promise<number>;
  /** Ends the writing side. @param isCutShort whether more should have come: a stream that can tell, tells */
  closeWrite(isCutShort?: boolean): Promise<void>;
  /** Ends both sides; pending calls fail. */
  close(): void;
  /** Whether the other side cannot tell {@link close} alone from a broken connection, so that closeWrite() must go first. */
  readonly closesAbruptly?: boolean;
}

/** Closes a stream that may be closed already: the one safe close. */
export function closeQuietly(stream: { close(): void } | undefined): void {
  try {
    stream?.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}

/** Writes all of `bytes`. */
export async function writeAll(stream: ByteStream, bytes: Uint8Array): Promise<void> {
  for (let rest = bytes; rest.length > 0;) rest = rest.subarray(await stream.write(rest));
}
