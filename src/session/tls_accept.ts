/**
 * The TLS handshake of an accepted connection.
 *
 * @module
 */

/** Finishes the handshake. @returns whether the client got through it */
export async function acceptTls(client: { handshake(): Promise<unknown> }): Promise<boolean> {
  try {
    await client.handshake();
    return true;
  } catch {
    // Plain text, a scanner, an old TLS version, a hang-up: the client's business, counted by reason and not logged.
    return false;
  }
}
