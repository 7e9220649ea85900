/** How connections go on, stall and end. @module */

import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createConnection, createServer } from "node:net";
import { backends, listener } from "../support/configs.ts";
import { connect } from "../support/echo.ts";
import { freePort } from "../support/ports.ts";
import { RunningWeir } from "../support/program.ts";
import { echoServer, holdServer, readAll, serve, writeAll } from "../support/servers.ts";
import { until } from "../support/wait.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const pause = (seconds: number) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

/** How long a half-closed connection is kept busy: the full minute only when there is time. */
const HALF_CLOSED_SECONDS = Deno.env.get("WEIR_LONG") === "1" ? 60 : 5;

/** Waits until connections of the listener have ended for a reason. */
async function ended(running: RunningWeir, reason: string, count = 1): Promise<void> {
  await until(`${count} connections ended with ${reason}`, async () => {
    return (await running.listener("web")).connectionsEnded[reason] === count;
  });
  assert.equal((await running.listener("web")).connectionsActive, 0);
}

/** Reads to the end; a reset counts as an end. */
async function readToAnyEnd(connection: Deno.Conn): Promise<"end" | "reset"> {
  try {
    await readAll(connection);
    return "end";
  } catch {
    return "reset";
  }
}

Deno.test("a client that has ended its side still reads what the server sends, for as long as it likes", async () => {
  await using server = serve(async (connection) => {
    const request = decode(await readAll(connection));
    for (let line = 1; line <= HALF_CLOSED_SECONDS; line++) {
      await pause(1);
      await writeAll(connection, encode(`${request} ${line}\n`));
    }
  });
  const port = freePort();
  await using running = await RunningWeir.start({ listeners: [listener(port, backends([server.port]))] });
  using connection = await connect(port);
  await writeAll(connection, encode("line"));
  await connection.closeWrite();
  const wanted = Array.from({ length: HALF_CLOSED_SECONDS }, (_, index) => `line ${index + 1}\n`).join("");
  assert.equal(decode(await readAll(connection)), wanted);
  await ended(running, "client_closed");
});

Deno.test("a server that has ended its side still gets what the client sends", async () => {
  const got = Promise.withResolvers<string>();
  await using server = serve(async (connection) => {
    await writeAll(connection, encode("goodbye"));
    await connection.closeWrite();
    got.resolve(decode(await readAll(connection)));
  });
  const port = freePort();
  await using running = await RunningWeir.start({ listeners: [listener(port, backends([server.port]))] });
  using connection = await connect(port);
  assert.equal(decode(await readAll(connection)), "goodbye");
  for (const part of ["I ", "was ", "not ", "done"]) await writeAll(connection, encode(part));
  await connection.closeWrite();
  assert.equal(await got.promise, "I was not done");
  await ended(running, "server_closed");
});

Deno.test("a server that resets in mid-stream ends the client's connection, with reason reset", async () => {
  // Deno's own connections cannot reset: their close() begins with an orderly end.
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.write(new Uint8Array(100_000));
    socket.once("data", () => socket.resetAndDestroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  await using cleanup = new AsyncDisposableStack();
  cleanup.defer(() => new Promise((resolve) => server.close(() => resolve())));
  const port = freePort();
  const group = backends([(server.address() as AddressInfo).port]);
  await using running = await RunningWeir.start({ listeners: [listener(port, group)] });
  for (let count = 1; count <= 5; count++) {
    using connection = await connect(port);
    await writeAll(connection, encode("!"));
    await readToAnyEnd(connection);
    await ended(running, "reset", count);
  }
});

Deno.test("a client that vanishes ends the server's connection, with reason reset", async () => {
  await using server = echoServer();
  const port = freePort();
  await using running = await RunningWeir.start({ listeners: [listener(port, backends([server.port]))] });
  for (let count = 1; count <= 5; count++) {
    const socket = createConnection(port, "127.0.0.1");
    socket.write("hello");
    await once(socket, "data");
    socket.resetAndDestroy();
    await until("the server's connection is over", () => server.accepted === count && server.open === 0);
    await ended(running, "reset", count);
  }
});

Deno.test("back-pressure: while a client does not read, the server stalls and Weir's memory stays bounded", async () => {
  const total = 500_000_000;
  let sent = 0;
  await using server = serve(async (connection) => {
    const chunk = new Uint8Array(100_000);
    while (sent < total) {
      await writeAll(connection, chunk);
      sent += chunk.length;
    }
  });
  const port = freePort();
  await using running = await RunningWeir.start({ listeners: [listener(port, backends([server.port]))] });
  const rss = async () => ((await running.admin("/v1/status")).body as { memory: { rss: number } }).memory.rss;
  const before = await rss();
  using connection = await connect(port);
  let seen = -1;
  let looks = 0;
  await until("the server's writes have stalled", () => {
    looks = sent > 0 && sent === seen ? looks + 1 : 0;
    seen = sent;
    return looks === 50;
  });
  assert.ok(sent < 100_000_000, `${sent} bytes went into buffers`);
  const growth = await rss() - before;
  assert.ok(growth < 50_000_000, `memory grew by ${growth} bytes`);

  const buffer = new Uint8Array(1_000_000);
  let received = 0;
  for (let count = await connection.read(buffer); count !== null; count = await connection.read(buffer)) {
    received += count;
  }
  assert.equal(received, total, "and nothing is lost once it reads");
  assert.ok(await rss() - before < 100_000_000);
});

Deno.test("an idle connection is closed on both sides after the idle timeout; a busy one is not", async () => {
  await using idle = holdServer();
  await using echo = echoServer();
  const [port, busyPort] = [freePort(), freePort()];
  await using running = await RunningWeir.start({
    listeners: [
      listener(port, backends([idle.port]), { idleTimeout: 10 }),
      listener(busyPort, backends([echo.port]), { name: "busy", idleTimeout: 10 }),
    ],
  });
  using quiet = await connect(port);
  using busy = await connect(busyPort);
  const startedAt = performance.now();
  await writeAll(quiet, encode("one byte resets the clock"));
  const over = readToAnyEnd(quiet).then(() => (performance.now() - startedAt) / 1000);
  // One way is enough to count as busy: twelve seconds and more, with a byte every three.
  const buffer = new Uint8Array(16);
  for (let round = 0; round < 5; round++) {
    await pause(3);
    await writeAll(busy, encode("."));
    assert.equal(await busy.read(buffer), 1, "the busy connection is alive");
  }
  const seconds = await over;
  assert.ok(seconds >= 10 && seconds < 16, `closed after ${seconds} s`);
  await until("the server's side is closed", () => idle.open === 0);
  await ended(running, "idle_timeout");
  const { connectionsActive, connectionsEnded } = await running.listener("busy");
  assert.equal(connectionsActive, 1);
  assert.equal(connectionsEnded["idle_timeout"] ?? 0, 0);
});
