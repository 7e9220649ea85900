/** Free ports. @module */

const given = new Set<number>();

/** A port that nobody uses at the moment, never the same one twice in a test file. */
export function freePort(hostname = "127.0.0.1"): number {
  for (;;) {
    const listener = Deno.listen({ hostname, port: 0 });
    const { port } = listener.addr;
    listener.close();
    if (given.has(port)) continue;
    given.add(port);
    return port;
  }
}
