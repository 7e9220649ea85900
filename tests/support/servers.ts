/** Small real servers to balance over. @module */

import { accepting } from "./accepting.ts";

/** A server on loopback. */
export interface TestServer extends AsyncDisposable {
  readonly port: number;
  /** Connections accepted so far. */
  readonly accepted: number;
  /** Connections that are open. */
  readonly open: number;
}

/** What a server does with a connection; the connection is closed for it afterwards. */
export type Handler = (connection: Deno.TcpConn) => Promise<void>;

/** Serves each connection with `handler`. A `port` of 0 takes any. */
export function serve(handler: Handler, { port = 0, hostname = "127.0.0.1" } = {}): TestServer {
  const listener = Deno.listen({ hostname, port });
  const open = new Set<Deno.TcpConn>();
  let accepted = 0;
  const handlers = new Set<Promise<void>>();
  const taking = (async () => {
    for await (const connection of accepting(listener)) {
      accepted++;
      open.add(connection);
      const work = handler(connection).catch(() => {}).finally(() => {
        open.delete(connection);
        handlers.delete(work);
        try {
          connection.close();
        } catch { /* the handler has closed it */ }
      });
      handlers.add(work);
    }
  })();
  return {
    port: listener.addr.port,
    get accepted() {
      return accepted;
    },
    get open() {
      return open.size;
    },
    async [Symbol.asyncDispose]() {
      try {
        listener.close();
      } catch { /* closed before */ }
      for (const connection of open) {
        try {
          connection.close();
        } catch { /* closed before */ }
      }
      await taking.catch(() => {});
      await Promise.all(handlers);
    },
  };
}

/** Says its name and hangs up. */
export function nameServer(name: string, options?: { port?: number; hostname?: string }): TestServer {
  return serve(async (connection) => {
    await writeAll(connection, new TextEncoder().encode(name));
  }, options);
}

/** Answers the first request of a connection over HTTP, and ends. */
export function httpServer(body: string, options?: { port?: number; hostname?: string }): TestServer {
  return serve(async (connection) => {
    const head = `HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n`;
    const buffer = new Uint8Array(4096);
    let request = "";
    while (!request.includes("\r\n\r\n")) {
      const count = await connection.read(buffer);
      if (count === null) return;
      request += new TextDecoder().decode(buffer.subarray(0, count));
    }
    await writeAll(connection, new TextEncoder().encode(head + body));
  }, options);
}

/** Sends back what it gets, and ends when the client ends. */
export function echoServer(options?: { port?: number; hostname?: string }): TestServer {
  return serve(async (connection) => {
    const buffer = new Uint8Array(65536);
    for (;;) {
      const count = await connection.read(buffer);
      if (count === null) break;
      await writeAll(connection, buffer.subarray(0, count));
    }
    await connection.closeWrite();
  }, options);
}

/** Accepts and holds until the client ends. */
export function holdServer(options?: { port?: number; hostname?: string }): TestServer {
  return serve(async (connection) => {
    const buffer = new Uint8Array(1024);
    while (await connection.read(buffer) !== null);
  }, options);
}

/** Writes everything. */
export async function writeAll(
  connection: { write(bytes: Uint8Array): Promise<number> },
  bytes: Uint8Array,
): Promise<void> {
  for (let rest = bytes; rest.length > 0;) rest = rest.subarray(await connection.write(rest));
}

/** Reads until the end. */
export async function readAll(connection: { read(buffer: Uint8Array): Promise<number | null> }): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  const buffer = new Uint8Array(65536);
  for (let count = await connection.read(buffer); count !== null; count = await connection.read(buffer)) {
    parts.push(buffer.slice(0, count));
  }
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Connects to loopback and reads everything that comes, as text. */
export async function readName(port: number, hostname = "127.0.0.1"): Promise<string> {
  const connection = await Deno.connect({ hostname, port });
  try {
    return new TextDecoder().decode(await readAll(connection));
  } finally {
    connection.close();
  }
}

/** Fills the queue of a listener that accepts nothing: Linux keeps `backlog + 1` connections waiting, and drops the rest. */
async function fillQueue(port: number): Promise<Deno.TcpConn[]> {
  const waiting: Deno.TcpConn[] = [];
  // One that is not answered in time may have met a pause of this machine.
  for (let unanswered = 0; unanswered < 2;) {
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), 500);
    try {
      waiting.push(await Deno.connect({ hostname: "127.0.0.1", port, signal: abort.signal }));
      unanswered = 0;
    } catch {
      unanswered++;
    } finally {
      clearTimeout(timer);
    }
  }
  return waiting;
}

/**
 * A server whose accept queue is full and which never accepts: connecting to it gets no answer, as with a frozen
 * program.
 */
export async function frozenServer(options?: { port?: number }): Promise<{ readonly port: number } & Disposable> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: options?.port ?? 0, tcpBacklog: 1 });
  const { port } = listener.addr;
  const waiting = await fillQueue(port);
  return {
    port,
    [Symbol.dispose]() {
      for (const connection of waiting) connection.close();
      listener.close();
    },
  };
}

/**
 * A server that says its name, until `open()` makes it a black hole: whoever connects from then on gets no answer at
 * all, as when a firewall drops what is sent to it.
 */
export function blackHole(name: string): { readonly port: number; open(): Promise<void> } & Disposable {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0, tcpBacklog: 1 });
  const { port } = listener.addr;
  const held: Deno.TcpConn[] = [];
  let isHole = false;
  const accepting = (async () => {
    while (!isHole) {
      const connection = await listener.accept();
      if (isHole) held.push(connection);
      else {
        await connection.write(new TextEncoder().encode(name)).catch(() => {});
        connection.close();
      }
    }
  })();
  return {
    port,
    async open() {
      isHole = true;
      // It waits for one more.
      held.push(await Deno.connect({ hostname: "127.0.0.1", port }));
      await accepting;
      held.push(...await fillQueue(port));
    },
    [Symbol.dispose]() {
      for (const connection of held) connection.close();
      listener.close();
      void accepting.catch(() => {}); // when it never became a hole
    },
  };
}
