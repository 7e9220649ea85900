/** Free ports. @module */

/** Below the ports that Linux gives to outgoing connections: a client cannot take one before its listener does. */
const [FIRST, LAST] = [20_000, 32_767] as const;

const given = new Set<number>();

/** A port that nobody listens on at the moment, never the same one twice in a test file. */
export function freePort(hostname = "127.0.0.1"): number {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST + 1));
    if (given.has(port)) continue;
    try {
      Deno.listen({ hostname, port }).close();
    } catch (error) {
      if (error instanceof Deno.errors.AddrInUse) continue;
      throw error;
    }
    given.add(port);
    return port;
  }
}
