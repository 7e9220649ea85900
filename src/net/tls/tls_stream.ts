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

/** In milliseconds: a server that is silent for so long while we listen is not held up on its way to us. */
const SILENCE = 2000;

/** TLS over a TCP connection that is ours. */
export class TlsStream implements ByteStream {
  /** Closing sends no close_notify, which would have to wait for the network. */
  readonly closesAbruptly = true;
  readonly #connection: ByteStream;
  readonly #machine: TlsMachine;
  readonly #peer: "client" | "server";
  /** Waits for the network that have begun or ended: odd while there is one. */
  #waits = 0;
  #silence: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  /**
   * @param connection what carries it
   * @param machine gone through its handshake, or about to
   * @param peer who is at the other end: it makes a difference for {@link closeWrite}
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
      this.#waits++;
      const received = await this.#connection.read(buffer);
      this.#waits++;
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
   * Says that nothing more comes: by close_notify, unless something is missing, and by TCP's FIN. A server gets the FIN
   * later, once it has been silent for two seconds while we listened: one that is held up on its way to us may take it
   * for the end of all. See docs/decisions/0026-close-notify-before-fin.md.
   */
  async closeWrite(isCutShort = false): Promise<void> {
    this.#checkOpen();
    if (!isCutShort) this.#machine.endWriting();
    await this.flush();
    if (isCutShort || this.#peer === "client") await this.#connection.closeWrite();
    else if (!this.#machine.ended) this.#finAfterSilence();
  }

  #finAfterSilence(): void {
    // It may have been closed while the goodbye went out.
    if (this.#closed) return;
    const waits = this.#waits;
    this.#silence = setTimeout(() => {
      const isSilent = this.#waits % 2 === 1 && this.#waits === waits;
      // When it fails the connection has gone, which whoever reads from it hears as well.
      if (isSilent) this.#connection.closeWrite().catch(() => {});
      else this.#finAfterSilence();
    }, SILENCE);
  }

  /** Ends both sides; pending calls fail. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#silence);
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
