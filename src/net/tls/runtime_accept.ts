/**
 * The handshake of a connection that the runtime's own TLS listener has accepted (engine "fast").
 *
 * @module
 */

import { messageOf } from "../../errors.ts";
import { HandshakeError, type HandshakeFailure } from "./handshake_failure.ts";
import { failureInWords } from "./failure_words.ts";

/** Finishes the handshake. @returns the application protocol @throws {HandshakeError} */
export async function acceptRuntimeTls(client: Pick<Deno.TlsConn, "handshake">): Promise<string | null> {
  try {
    return (await client.handshake()).alpnProtocol;
  } catch (error) {
    throw new HandshakeError(failureOf(error), messageOf(error));
  }
}

function failureOf(error: unknown): HandshakeFailure {
  return error instanceof Deno.errors.InvalidData ? failureInWords(error.message) : "hung_up";
}
