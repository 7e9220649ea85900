/** Reloads while transfers and new connections are under way: nothing breaks, nothing is refused, no byte is wrong. @module */

import assert from "node:assert/strict";
import { CERTIFICATE_STORE, certificateFiles, connectTls, overTls, testCertificate } from "../support/certificates.ts";
import { listener } from "../support/configs.ts";
import { connect } from "../support/echo.ts";
import { mixed } from "../support/mixed_changes.ts";
import { freePort } from "../support/ports.ts";
import { RunningWeir } from "../support/program.ts";
import { nameServer, readAll, serve, writeAll } from "../support/servers.ts";
import { until } from "../support/wait.ts";

const LONG = Deno.env.get("WEIR_LONG") === "1";

const TRANSFERS = LONG ? 200 : 40;
const RELOADS_IN_TRANSFER = LONG ? 100 : 20;
const CHUNK = 20_000;

Deno.test(`${TRANSFERS} TLS connections in mid-transfer over ${RELOADS_IN_TRANSFER} reloads: none broken, every byte right`, async () => {
  const certificate = await testCertificate();
  const isOver = { yet: false };
  const chunk = (index: number) => Uint8Array.from({ length: CHUNK }, (_, at) => (at * 7 + index * 31) & 255);
  const chunks = Array.from({ length: 256 }, (_, index) => chunk(index));
  let sentInAll = 0;
  await using server = serve(async (connection) => {
    await connection.read(new Uint8Array(1));
    for (let index = 0; !isOver.yet; index++) {
      await writeAll(connection, chunks[index % 256] ?? chunk(0));
      sentInAll += CHUNK;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  });
  using _over = { [Symbol.dispose]: () => isOver.yet = true };
  const port = freePort();
  const config = (round: number) => {
    const { group, settings } = mixed(round, [server.port]);
    return { certificates: CERTIFICATE_STORE, listeners: [listener(port, group, { ...overTls(), ...settings })] };
  };
  await using running = await RunningWeir.start(config(0), { files: certificateFiles(certificate) });
  let receivedInAll = 0;
  const transfer = async () => {
    using connection = await connectTls(port, certificate);
    await writeAll(connection, new Uint8Array(1));
    const buffer = new Uint8Array(65_536);
    let received = 0;
    for (let count = await connection.read(buffer); count !== null; count = await connection.read(buffer)) {
      for (let at = 0; at < count; at += 997) {
        const place = received + at;
        assert.equal(buffer[at], chunks[Math.floor(place / CHUNK) % 256]?.[place % CHUNK]);
      }
      received += count;
    }
    receivedInAll += received;
  };
  const transfers = Array.from({ length: TRANSFERS }, transfer);
  for (const one of transfers) one.catch(() => {}); // looked at below, unless a reload fails before
  await until("all are under way", () => server.open === TRANSFERS);
  for (let round = 1; round <= RELOADS_IN_TRANSFER; round++) {
    const { status, body } = await running.reload(config(round));
    assert.equal(status, 200, JSON.stringify(body));
    assert.equal(server.open, TRANSFERS, `after ${round} reloads`);
  }
  isOver.yet = true;
  await Promise.all(transfers);
  assert.equal(receivedInAll, sentInAll, "every byte has arrived");
});

const RELOADS = LONG ? 1000 : 60;

Deno.test(`${RELOADS} reloads with mixed changes under new connections: none fails, none is wrong, memory stays flat`, async () => {
  await using stack = new AsyncDisposableStack();
  const servers = ["one", "two", "three"].map((name) => stack.use(nameServer(name)));
  const port = freePort();
  const config = (round: number) => {
    const { group, settings } = mixed(round, servers.map((server) => server.port));
    return { listeners: [listener(port, group, { ...settings, workers: 1 + Math.floor(round / 10) % 2 })] };
  };
  const running = stack.use(await RunningWeir.start(config(0)));
  const memory = async () =>
    ((await running.admin("/v1/status")).body as { memory: { rss: number } }).memory.rss / 2 ** 20;
  const wrong: string[] = [];
  let isOver = false;
  const seen = { served: 0, longest: 0 };
  // Straight to a server: how long it takes then is the machine's doing, and that of this thread.
  const control = { served: 0, longest: 0 };
  const client = async (to: number, counts: typeof seen) => {
    while (!isOver) {
      const startedAt = performance.now();
      try {
        using connection = await connect(to);
        const name = new TextDecoder().decode(await readAll(connection));
        if (!["one", "two", "three"].includes(name)) wrong.push(`got ${JSON.stringify(name)}`);
      } catch (error) {
        wrong.push(String(error));
      }
      counts.longest = Math.max(counts.longest, performance.now() - startedAt);
      counts.served++;
    }
  };
  const clients = [
    ...Array.from({ length: 8 }, () => client(port, seen)),
    client(servers[0]?.port ?? 0, control),
  ];
  let half = 0;
  for (let round = 1; round <= RELOADS; round++) {
    const { status, body } = await running.reload(config(round));
    assert.equal(status, 200, JSON.stringify(body));
    if (round === Math.floor(RELOADS / 2)) half = await memory();
  }
  const end = await memory();
  isOver = true;
  await Promise.all(clients);
  const { served } = seen;
  // deno-lint-ignore no-console -- measured, to be read
  console.log(
    `${served} served, the longest took ${seen.longest.toFixed(0)} ms, and ${
      control.longest.toFixed(0)
    } ms straight to a server; ${half.toFixed(0)}, ${end.toFixed(0)} MiB`,
  );
  assert.deepEqual(wrong.slice(0, 5), []);
  assert.ok(served > RELOADS, `${served} clients`);
  assert.ok(end < half * 1.25, `memory grew from ${half} to ${end} MiB`);
});
