/**
 * Very many connections, and connections that stall: memory stays bounded, nothing leaks, others are served. With
 * WEIR_LONG=1 in the numbers that docs/reliability.md gives.
 *
 * @module
 */

// deno-lint-ignore-file no-console -- measured, to be read
import assert from "node:assert/strict";
import { backends, listener } from "../support/configs.ts";
import { assertEchoes, connect } from "../support/echo.ts";
import { freePort } from "../support/ports.ts";
import { RunningWeir } from "../support/program.ts";
import { echoServer, serve, writeAll } from "../support/servers.ts";
import { until } from "../support/wait.ts";

const LONG = Deno.env.get("WEIR_LONG") === "1";
const MEBIBYTE = 2 ** 20;

/** Resident memory of the program, in bytes. */
async function memory(running: RunningWeir): Promise<number> {
  const { body } = await running.admin("/v1/status");
  return (body as { memory: { rss: number } }).memory.rss;
}

function descriptors(running: RunningWeir): number {
  return [...Deno.readDirSync(`/proc/${running.pid}/fd`)].length;
}

/** Milliseconds in which others are served; most of them are for a busy machine: who is held up waits for ever. */
const SOON_MS = 5000;

/** The slower end of many: at which of a hundred, sorted, the 99th stands. Milliseconds. */
async function p99(port: number, requests = 300): Promise<number> {
  const times: number[] = [];
  for (let request = 0; request < requests; request++) {
    const startedAt = performance.now();
    using connection = await connect(port);
    await assertEchoes(connection, "ping");
    times.push(performance.now() - startedAt);
  }
  return times.sort((a, b) => a - b)[Math.floor(requests * 0.99)] ?? 0;
}

/** Does something for each of `count` numbers, some at a time. */
async function each(count: number, work: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  await Promise.all(Array.from({ length: 50 }, async () => {
    while (next < count) await work(next++);
  }));
}

/** Sends until it is told to stop, or 1 GiB; serves echoes to those who ask for one. */
function flood() {
  const block = new Uint8Array(65_536);
  return serve(async (connection) => {
    const first = new Uint8Array(4);
    const count = await connection.read(first);
    if (count === 4) return await writeAll(connection, first);
    for (let sent = 0; sent < 1024 * MEBIBYTE; sent += block.length) await writeAll(connection, block);
  });
}

const STALLED = LONG ? 500 : 100;

Deno.test(`${STALLED} clients that stall in front of servers that send 1 GiB: one buffer each, and others are served`, async () => {
  await using server = flood();
  const port = freePort();
  await using running = await RunningWeir.start({ listeners: [listener(port, backends([server.port]))] });
  const quiet = await p99(port);
  const before = await memory(running);
  await using held = new AsyncDisposableStack();
  await each(STALLED, async () => {
    await writeAll(held.use(await connect(port)), new Uint8Array([1]));
  });
  let last = -1;
  await until("nothing moves any more", async () => {
    const { bytesOut } = await running.listener("web");
    const isStill = bytesOut === last && bytesOut > STALLED * 65_536;
    last = bytesOut;
    await new Promise((resolve) => setTimeout(resolve, 300));
    return isStill;
  }, 60);
  const grown = await memory(running) - before;
  console.log(`${STALLED} stalled pairs: ${(grown / MEBIBYTE).toFixed(0)} MiB more`);
  assert.ok(grown < 100 * MEBIBYTE, `${(grown / MEBIBYTE).toFixed(0)} MiB for ${STALLED} pairs`);
  const beside = await p99(port);
  console.log(`p99 of a new connection: ${quiet.toFixed(1)} ms before, ${beside.toFixed(1)} ms beside them`);
  assert.ok(beside < SOON_MS, `others wait for ${beside} ms`);
});

Deno.test("a client that reads a byte a second and a server that never reads hold a buffer each, and nobody up", async () => {
  const never = Promise.withResolvers<void>();
  await using deaf = serve(() => never.promise);
  await using server = flood();
  using _over = { [Symbol.dispose]: never.resolve };
  const [slowPort, deafPort] = [freePort(), freePort()];
  await using running = await RunningWeir.start({
    listeners: [
      listener(slowPort, backends([server.port])),
      listener(deafPort, backends([deaf.port]), { name: "deaf" }),
    ],
  });
  const before = await memory(running);
  using slow = await connect(slowPort);
  await writeAll(slow, new Uint8Array([1]));
  using sender = await connect(deafPort);
  let sent = 0;
  const sending = (async () => {
    for (;;) sent += await sender.write(new Uint8Array(65_536));
  })().catch(() => {});
  for (let second = 0; second < 3; second++) {
    assert.equal(await slow.read(new Uint8Array(1)), 1);
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
  let last = -1;
  await until("the sender is held back", async () => {
    const isStill = sent === last;
    last = sent;
    await new Promise((resolve) => setTimeout(resolve, 300));
    return isStill;
  });
  assert.ok(await memory(running) - before < 30 * MEBIBYTE);
  assert.ok(await p99(slowPort, 100) < SOON_MS);
  sender.close();
  await sending;
});

const BURSTS = LONG ? 50 : 4;

Deno.test(`${BURSTS * 1000} connections opened and closed in bursts of 1,000: descriptors, counts and memory come back`, async () => {
  await using server = echoServer();
  const port = freePort();
  await using running = await RunningWeir.start({ listeners: [listener(port, backends([server.port]))] });
  const burst = async () => {
    await using held = new AsyncDisposableStack();
    await each(1000, async (index) => {
      const connection = held.use(await connect(port));
      if (index % 2 === 0) await assertEchoes(connection, "here");
    });
  };
  const settled = () =>
    until("all have ended", async () => (await running.listener("web")).connectionsActive === 0 && server.open === 0);
  await burst();
  await settled();
  const openBefore = descriptors(running);
  // The first ones make room for a thousand at once, which stays; what comes after them must not add to it.
  for (let count = 0; count < BURSTS / 2; count++) await burst();
  await settled();
  const memoryBefore = await memory(running);
  for (let count = BURSTS / 2; count < BURSTS; count++) await burst();
  await settled();
  await until("descriptors are back", () => descriptors(running) <= openBefore + 5);
  const grown = await memory(running) - memoryBefore;
  console.log(
    `the second half of ${BURSTS * 1000} connections: ${(grown / MEBIBYTE).toFixed(1)} MiB more, ${
      descriptors(running) - openBefore
    } descriptors`,
  );
  assert.ok(grown < 40 * MEBIBYTE, `${(grown / MEBIBYTE).toFixed(0)} MiB more`);
  const { servers, connectionsTotal } = await running.listener("web");
  assert.deepEqual([servers[0]?.connectionsActive, connectionsTotal], [0, (BURSTS + 1) * 1000]);
});

const HALF_OPEN = LONG ? 2000 : 400;

Deno.test(`${HALF_OPEN} clients with half a PROXY header are closed within their timeout, and others are served meanwhile`, async () => {
  await using server = echoServer();
  const [port, plain] = [freePort(), freePort()];
  await using running = await RunningWeir.start({
    ipGroups: { all: ["127.0.0.0/8"] },
    listeners: [
      listener(port, backends([server.port]), { acceptProxyProtocol: { from: ["all"], timeout: 5 } }),
      listener(plain, backends([server.port]), { name: "plain" }),
    ],
  });
  const waits: number[] = [];
  const ends: Promise<void>[] = [];
  await each(HALF_OPEN, async () => {
    // Before it connects: Weir may have accepted it long before this crowded thread comes back to it.
    const startedAt = performance.now();
    const connection = await connect(port);
    await writeAll(connection, new TextEncoder().encode("PROXY TCP4 192.0."));
    ends.push((async () => {
      await connection.read(new Uint8Array(1)).catch(() => null);
      waits.push((performance.now() - startedAt) / 1000);
      connection.close();
    })());
  });
  assert.ok(await p99(plain, 100) < SOON_MS);
  using good = await connect(port);
  await writeAll(good, new TextEncoder().encode("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n"));
  await assertEchoes(good, "served");
  await Promise.all(ends);
  const latest = Math.max(...waits);
  console.log(`${HALF_OPEN} partial headers: the last was closed after ${latest.toFixed(1)} s`);
  // The timeout and a second; the machine's own delay is not Weir's.
  assert.ok(Math.min(...waits) >= 4.9 && latest < 15, `closed after ${Math.min(...waits)} to ${latest} s`);
  assert.equal((await running.listener("web")).connectionsEnded["proxy_header_timeout"], HALF_OPEN);
});

/** Descriptors that a process of this machine may have; the long form of 10,000 takes 21,000 here and in Weir. */
const LIMIT = Number(/^Max open files\s+\d+\s+(\d+)/m.exec(Deno.readTextFileSync("/proc/self/limits"))?.[1] ?? 1024);

const [IDLE, BUSY] = LONG ? [Math.min(10_000, Math.floor(LIMIT / 2) - 1000), 200] : [1000, 20];

Deno.test(`${IDLE} idle and ${BUSY} busy connections: little memory for an idle one, and all are served`, async () => {
  await using server = echoServer();
  const port = freePort();
  await using running = await RunningWeir.start({ listeners: [listener(port, backends([server.port]))] });
  await p99(port, 100); // code is compiled, buffers are there
  const before = await memory(running);
  await using held = new AsyncDisposableStack();
  const idle: Deno.TcpConn[] = [];
  await each(IDLE, async () => {
    const connection = held.use(await connect(port));
    await assertEchoes(connection, "here");
    idle.push(connection);
  });
  const perConnection = (await memory(running) - before) / IDLE / 1024;
  const busy = await Promise.all(Array.from({ length: BUSY }, async () => held.use(await connect(port))));
  const times: number[] = [];
  await Promise.all(busy.map(async (connection) => {
    for (let request = 0; request < 50; request++) {
      const startedAt = performance.now();
      await assertEchoes(connection, "ping");
      times.push(performance.now() - startedAt);
    }
  }));
  const slow = times.sort((a, b) => a - b)[Math.floor(times.length * 0.99)] ?? 0;
  console.log(`${IDLE} idle: ${perConnection.toFixed(1)} KiB each; ${BUSY} busy: p99 ${slow.toFixed(1)} ms`);
  assert.ok(perConnection < 100, `${perConnection} KiB for an idle connection`);
  assert.equal((await running.listener("web")).connectionsActive, IDLE + BUSY);
  await each(IDLE, (index) => assertEchoes(idle[index] ?? connectionOf(index), "still here"));
});

function connectionOf(index: number): never {
  throw new Error(`There is no connection ${index}`);
}
