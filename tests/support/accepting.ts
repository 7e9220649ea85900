/** Taking what comes, in servers for tests. @module */

/**
 * Each connection in turn until the listener is closed. One that was reset while it waited to be taken (a health check
 * ends so) is passed over: the runtime throws for it, and its own iterator would end there.
 */
export async function* accepting<Connection>(
  listener: { accept(): Promise<Connection> },
): AsyncGenerator<Connection, void, void> {
  for (;;) {
    let connection: Connection;
    try {
      connection = await listener.accept();
    } catch (error) {
      if (error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted) return;
      if (error instanceof Deno.errors.NotConnected || error instanceof Deno.errors.ConnectionReset) continue;
      throw error;
    }
    yield connection;
  }
}
