/**
 * A socket without the wrapping of `Deno.Conn`. Each `read()` of that is an async function around an operation of the
 * runtime, with an entry in a set; each `write()` is two. Called directly the operations give the same results and throw
 * the same errors, for a twentieth less CPU time a request in a bare relay loop. They have no public name: this is the
 * one file that knows them, and where they are missing the connection itself is used.
 *
 * @module
 */

import type { ByteStream } from "./stream.ts";

/** The runtime's operations on a socket, by its number. */
interface SocketOperations {
  readonly read: (id: number, buffer: Uint8Array) => Promise<number>;
  readonly write: (id: number, bytes: Uint8Array) => Promise<number>;
  readonly shutdown: (id: number) => Promise<void>;
  /** The property of a connection that holds its number. */
  readonly internalRidSymbol: symbol;
}

function findOperations(): SocketOperations | undefined {
  const runtime = Deno as unknown as Record<symbol, { readonly core?: Partial<SocketOperations> } | undefined>;
  const symbol = (Deno as unknown as { readonly internal?: symbol }).internal;
  const { read, write, shutdown, internalRidSymbol } = (symbol && runtime[symbol]?.core) ?? {};
  const isComplete = read !== undefined && write !== undefined && shutdown !== undefined;
  return isComplete && internalRidSymbol !== undefined ? { read, write, shutdown, internalRidSymbol } : undefined;
}

const OPERATIONS = findOperations();

class DirectStream implements ByteStream {
  readonly #id: number;
  readonly #connection: ByteStream;
  readonly #operations: SocketOperations;

  constructor(id: number, connection: ByteStream, operations: SocketOperations) {
    this.#id = id;
    this.#connection = connection;
    this.#operations = operations;
  }

  read(buffer: Uint8Array): Promise<number> {
    return this.#operations.read(this.#id, buffer);
  }

  write(bytes: Uint8Array): Promise<number> {
    return this.#operations.write(this.#id, bytes);
  }

  closeWrite(): Promise<void> {
    return this.#operations.shutdown(this.#id);
  }

  close(): void {
    this.#connection.close();
  }
}

/** The same stream, directly if it is a connection of the runtime. */
export function direct(stream: ByteStream): ByteStream {
  if (OPERATIONS === undefined) return stream;
  const id = (stream as unknown as Record<symbol, unknown>)[OPERATIONS.internalRidSymbol];
  return typeof id === "number" ? new DirectStream(id, stream, OPERATIONS) : stream;
}
