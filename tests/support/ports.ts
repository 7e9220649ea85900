/** Free ports. @module */

/**
 * Below the ports that Linux gives to outgoing connections: a client cannot take one before its listener does. Whoever
 * runs two suites at once gives each its own (`WEIR_TEST_PORTS=10000-20999`): a port that is found free here is opened a
 * moment later.
 */
const [FIRST, LAST] = portsOf(Deno.env.get("WEIR_TEST_PORTS") ?? "10000-32767");

function portsOf(text: string): readonly [first: number, last: number] {
  const [, first, last] = /^(\d+)-(\d+)$/.exec(text) ?? [];
  if (first === undefined || last === undefined) {
    throw new Error(`WEIR_TEST_PORTS must be FIRST-LAST, got ${JSON.stringify(text)}`);
  }
  return [Number(first), Number(last)];
}

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
    const first = FIRST + Math.floor(Math.random() * (LAST - FIRST + 2 - count));
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
