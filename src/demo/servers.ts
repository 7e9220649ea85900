/**
 * Three tiny HTTP servers for the demo to balance over.
 *
 * @module
 */

/** A running demo server. */
export interface DemoServer {
  readonly name: string;
  readonly port: number;
  close(): Promise<void>;
}

/** Starts servers `one`, `two` and `three` on free loopback ports; each says its name. */
export function startDemoServers(): DemoServer[] {
  return ["one", "two", "three"].map((name) => {
    // One request a connection, so that each `curl` and each page load shows a fresh pick.
    const respond = () => new Response(`Hello from server ${name}\n`, { headers: { connection: "close" } });
    const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, respond);
    return { name, port: server.addr.port, close: () => server.shutdown() };
  });
}
