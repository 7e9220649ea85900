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

/** As many free ports in a row, for ranges; the first of them. Outside of those that the system gives by itself. */
export function freePortsInARow(count: number, hostnames: readonly string[] = ["127.0.0.1"]): number {
  for (;;) {
    const first = 10000 + Math.floor(Math.random() * (22000 - count));
    const ports = Array.from({ length: count }, (_, index) => first + index);
    if (!ports.every((port) => !given.has(port) && hostnames.every((hostname) => isFree(hostname, port)))) continue;
    for (const port of ports) given.add(port);
    return first;
  }
}

function isFree(hostname: string, port: number): boolean {
  try {
    Deno.listen({ hostname, port }).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return false;
    throw error;
  }
}
