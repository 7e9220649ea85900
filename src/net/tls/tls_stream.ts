/**
 * A TLS connection as a stream of plain bytes.
 *
 * @module
 */

import { direct } from "../direct_stream.ts";
import type { ByteStream } from "../stream.ts";
import { giveBack, type TlsMachine } from "./machine.ts";

/** Plain bytes that are encrypted at once: the machine holds no more than four full records. */
const MOST_AT_ONCE = 48 * 1024;

/** TLS over a TCP connection that is ours. */
export class TlsStream implements ByteStream {
  /** Closing sends no close_notify, which would have to wait for the network. */
  readonly closesAbruptly = true;
  readonly #connection: ByteStream;
  readonly #machine: TlsMachine;
  readonly #peer: "client" | "server";
  #closed = false;

  /**
   * @param connection what carries it
   * @param machine gone through its handshake, or about to
   * @param peer who is at the other end: a server is told that nothing more comes by close_notify alone
   */
  constructor(connection: Deno.TcpConn, machine: TlsMachine, peer: "client" | "server") {
    this.#connection = direct(connection);
    this.#machine = machine;
    this.#peer = peer;
  }

  /**
   * Reads at least one byte; `null` at a proper end. The ciphertext comes into the same buffer, so that a quiet
   * connection needs no other one.
   *
   * @throws {Deno.errors.UnexpectedEof} when the other side has gone without saying that it would
   */
  async read(buffer: Uint8Array): Promise<number | null> {
    const machine = this.#machine;
    for (;;) {
      this.#checkOpen();
      const count = machine.read(buffer);
      if (count > 0) return count;
      if (machine.error !== undefined) throw machine.error;
      if (machine.ended) return null;
      const received = await this.#connection.read(buffer);
      this.#checkOpen();
      // The machine is not told of it: it would take it for a proper end.
      if (received === null || received === 0) {
        throw new Deno.errors.UnexpectedEof("The connection ended without close_notify");
      }
      // What the machine answers by itself (a key update, say) goes with the next write, as the standard allows.
      machine.feed(received === buffer.length ? buffer : buffer.subarray(0, received));
    }
  }

  /** Writes all of `bytes` and says how many that are. */
  async write(bytes: Uint8Array): Promise<number> {
    this.#checkOpen();
    // The machine takes no empty write.
    if (bytes.length === 0) return 0;
    const machine = this.#machine;
    if (bytes.length <= MOST_AT_ONCE) machine.write(bytes);
    else {
      for (let at = 0; at < bytes.length; at += MOST_AT_ONCE) machine.write(bytes.subarray(at, at + MOST_AT_ONCE));
    }
    await this.flush();
    return bytes.length;
  }

  /**
   * Says that nothing more comes: by close_notify, unless something is missing, and to a client by TCP's FIN as well. A
   * server gets that with {@link close}, or at once where it is all that may be said: HAProxy takes a FIN that comes
   * while it is stopped up both ways for the end of all, leaves the rest unread, and its kernel's reset throws away what
   * was on the way back. See docs/decisions/0026-close-notify-without-fin.md.
   */
  async closeWrite(isCutShort = false): Promise<void> {
    this.#checkOpen();
    if (!isCutShort) this.#machine.endWriting();
    await this.flush();
    if (isCutShort || this.#peer === "client") await this.#connection.closeWrite();
  }

  /** Ends both sides; pending calls fail. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#machine.destroy();
    this.#connection.close();
  }

  /** Sends what the machine has for the network. */
  async flush(): Promise<void> {
    const out = this.#machine.drain();
    if (out.length === 0) return;
    let sent = await this.#connection.write(out);
    while (sent < out.length) sent += await this.#connection.write(out.subarray(sent));
    giveBack(out.buffer);
  }

  #checkOpen(): void {
    if (this.#closed) throw new Deno.errors.BadResource("The TLS connection is closed");
  }
}
