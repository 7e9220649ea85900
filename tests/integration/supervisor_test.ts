/** Starting, changing and stopping listeners in real workers: as a whole or not at all. @module */

import assert from "node:assert/strict";
import { WeirError } from "../../src/errors.ts";
import { freePort } from "../support/ports.ts";
import { echoServer, holdServer, nameServer, readAll, readName, writeAll } from "../support/servers.ts";
import { until } from "../support/wait.ts";
import { isListening, namesFrom, newTls, onPort, readNameTls, SupervisorBench, tcp } from "./bench.ts";

async function ping(connection: Deno.TcpConn): Promise<void> {
  await writeAll(connection, new TextEncoder().encode("ping"));
  assert.equal(await connection.read(new Uint8Array(10)), 4);
}

function assertBindFailed(error: unknown, listener: string): true {
  assert.ok(error instanceof WeirError);
  assert.equal(error.kind, "bind_failed");
  assert.ok(error.message.startsWith(`Listener "${listener}": `), error.message);
  return true;
}

Deno.test("supervisor.prepare() holds the port and accepts nothing; commit() serves what waited", async () => {
  await using server = nameServer("one");
  await using bench = new SupervisorBench();
  const plan = tcp("web", freePort(), [server.port]);
  const change = await bench.prepare([plan]);
  assert.equal(bench.supervisor.stateOf("web"), undefined);
  const early = readName(plan.port);
  assert.equal(server.accepted, 0);
  await change.commit();
  assert.equal(bench.supervisor.stateOf("web"), "accepting");
  assert.equal(bench.supervisor.ready, true);
  assert.equal(await early, "one");
});

Deno.test("supervisor abort() leaves nothing listening and nothing to be seen", async () => {
  await using bench = new SupervisorBench();
  const tls = await newTls();
  const plans = [tcp("web", freePort(), [1]), { ...tcp("safe", freePort(), [1]), tls }];
  const change = await bench.prepare(plans);
  await change.abort();
  for (const { name, port } of plans) {
    assert.equal(await isListening(port), false);
    assert.equal(bench.supervisor.stateOf(name), undefined);
    assert.equal(bench.supervisor.boards.listener(name), undefined, "no board is left");
  }
  assert.equal(bench.supervisor.draining, 0);
});

Deno.test("supervisor update keeps connections and gives new ones to the new servers", async () => {
  await using one = echoServer();
  await using two = nameServer("two");
  await using bench = new SupervisorBench();
  const port = freePort();
  await bench.apply(tcp("web", port, [one.port]));
  using held = await Deno.connect({ port });
  await ping(held);
  await bench.apply(tcp("web", port, [two.port]));
  assert.deepEqual(await namesFrom(port, 3), ["two", "two", "two"]);
  await ping(held);
  assert.equal(bench.workers.length, 1);
  await until("the others are over", () => bench.active("web") === 1);
});

Deno.test("supervisor replace by another port moves the listener, and the old connections drain", async () => {
  await using server = echoServer();
  await using bench = new SupervisorBench({ drainTimeout: 60 });
  const [before, after] = [freePort(), freePort()];
  await bench.apply(tcp("web", before, [server.port]));
  using held = await Deno.connect({ port: before });
  await ping(held);
  const counters = bench.supervisor.boards.listener("web");
  await bench.apply(tcp("web", after, [server.port]));
  await until("the old port is closed", async () => !(await isListening(before)));
  assert.equal(bench.supervisor.stateOf("web"), "accepting");
  assert.equal(bench.supervisor.draining, 1);
  using fresh = await Deno.connect({ port: after });
  await ping(fresh);
  await ping(held);
  held.close();
  await until("the old one has drained", () => bench.supervisor.draining === 0);
  assert.deepEqual(bench.supervisor.boards.listener("web")?.read(), counters?.read(), "one board for both");
});

Deno.test("supervisor replace with disconnect ends the old connections at once", async () => {
  await using server = echoServer();
  await using bench = new SupervisorBench({ drainTimeout: 60 });
  const port = freePort();
  await bench.apply(tcp("web", port, [server.port]));
  using held = await Deno.connect({ port });
  await ping(held);
  await bench.apply({ ...tcp("web", port, [server.port]), ipTranslation: true });
  assert.equal((await readAll(held)).length, 0);
  using fresh = await Deno.connect({ port });
  await ping(fresh);
});

Deno.test("supervisor stop of a listener refuses new connections and gives the open ones their time", async () => {
  await using server = echoServer();
  await using bench = new SupervisorBench({ drainTimeout: 60 });
  const port = freePort();
  await bench.apply(tcp("web", port, [server.port]));
  using held = await Deno.connect({ port });
  await ping(held);
  await bench.apply();
  await until("the port is closed", async () => !(await isListening(port)));
  assert.equal(bench.supervisor.stateOf("web"), undefined);
  await ping(held);
  held.close();
  await until("it has drained", () => bench.supervisor.draining === 0);
  assert.equal(bench.supervisor.boards.listener("web"), undefined);
});

Deno.test("supervisor.stop() ends what is left when the drain time is over", async () => {
  await using server = holdServer();
  const bench = new SupervisorBench();
  const port = freePort();
  await bench.apply(tcp("web", port, [server.port]));
  using held = await Deno.connect({ port });
  await until("it is served", () => server.open === 1);
  const counters = bench.supervisor.boards.listener("web");
  await bench.supervisor.stop(0.2);
  await bench[Symbol.asyncDispose]();
  assert.equal((await readAll(held)).length, 0);
  assert.equal(counters?.read().ended.get("drain"), 1);
  assert.equal(counters?.read().connectionsActive, 0);
  assert.equal(bench.supervisor.workers.running, 0);
});

Deno.test("supervisor.prepare() that cannot bind one listener undoes the others, and all serve on", async () => {
  await using server = nameServer("one");
  await using bench = new SupervisorBench();
  const serving = tcp("web", freePort(), [server.port]);
  await bench.apply(serving);
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const fine = tcp("fine", freePort(), [server.port]);
  const bad = tcp("bad", taken.addr.port, [server.port]);
  const moved = onPort(serving, freePort());
  await assert.rejects(bench.prepare([moved, fine, bad]), (error) => assertBindFailed(error, "bad"));
  assert.equal(await isListening(fine.port), false);
  assert.equal(await isListening(moved.port), false);
  assert.equal(await readName(serving.port), "one");
  assert.equal(bench.supervisor.stateOf("web"), "accepting");
  await bench.apply(serving, fine); // and the same change without the bad part goes through
  assert.equal(await readName(fine.port), "one");
});

Deno.test("supervisor widens 127.0.0.1 to 0.0.0.0 on the same port, and back", async () => {
  await using server = nameServer("one");
  await using bench = new SupervisorBench();
  const narrow = tcp("web", freePort(), [server.port]);
  const wide = { ...narrow, address: "0.0.0.0" };
  await bench.apply(narrow);
  assert.equal(await isListening(narrow.port, "127.0.0.2"), false);
  await bench.apply(wide);
  assert.equal(await readName(narrow.port, "127.0.0.2"), "one");
  await bench.apply(narrow);
  assert.equal(await isListening(narrow.port, "127.0.0.2"), false);
  assert.equal(await readName(narrow.port), "one");
});

for (const engine of ["full", "fast"] as const) {
  Deno.test(`supervisor turns TCP into TCP_SSL with the ${engine} engine on the same port, and back; connections stay`, async () => {
    await using server = nameServer("one");
    await using echo = echoServer();
    await using bench = new SupervisorBench({ drainTimeout: 60 });
    const plain = tcp("web", freePort(), [echo.port]);
    const tls = await newTls(engine);
    await bench.apply(plain);
    using held = await Deno.connect({ port: plain.port });
    await ping(held);
    await bench.apply({ ...tcp("web", plain.port, [server.port]), tls });
    assert.equal(await readNameTls(plain.port, tls), "one");
    await ping(held);
    await bench.apply(tcp("web", plain.port, [server.port]));
    assert.equal(await readName(plain.port), "one");
  });
}

Deno.test("supervisor abort() and a failure elsewhere give a suspended listener its port back", async () => {
  await using server = nameServer("one");
  await using bench = new SupervisorBench();
  const plain = tcp("web", freePort(), [server.port]);
  const tls = await newTls();
  await bench.apply(plain);
  for (const next of [{ ...plain, address: "0.0.0.0" }, { ...plain, tls }]) {
    const change = await bench.prepare([next]);
    await change.abort();
    assert.equal(await readName(plain.port), "one", "after abort()");
    using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const bad = tcp("bad", taken.addr.port, [server.port]);
    await assert.rejects(bench.prepare([next, bad]), (error) => assertBindFailed(error, "bad"));
    assert.equal(await readName(plain.port), "one", "after a failure");
  }
  assert.equal(bench.supervisor.stateOf("web"), "accepting");
});

Deno.test("supervisor swaps two listeners' ports in one change", async () => {
  await using one = nameServer("one");
  await using two = nameServer("two");
  await using bench = new SupervisorBench();
  const [a, b] = [freePort(), freePort()];
  await bench.apply(tcp("first", a, [one.port]), tcp("second", b, [two.port]));
  await bench.apply(tcp("first", b, [one.port]), tcp("second", a, [two.port]));
  await until("the old listeners are gone", () => bench.supervisor.draining === 0);
  assert.deepEqual(await namesFrom(a, 3), ["two", "two", "two"]);
  assert.deepEqual(await namesFrom(b, 3), ["one", "one", "one"]);
});

for (const engine of ["full", "fast"] as const) {
  Deno.test(`supervisor gives a new certificate of the ${engine} engine to new connections without a moment of refusal`, async () => {
    await using server = nameServer("one");
    await using bench = new SupervisorBench();
    const [old, renewed] = [await newTls(engine), await newTls(engine)];
    const plan = { ...tcp("web", freePort(), [server.port]), tls: old };
    await bench.apply(plan);
    assert.equal(await readNameTls(plan.port, old), "one");
    await bench.apply({ ...plan, tls: renewed });
    for (let connection = 0; connection < 5; connection++) {
      assert.equal(await readNameTls(plan.port, renewed), "one");
    }
    await assert.rejects(readNameTls(plan.port, old));
  });
}

Deno.test("supervisor runs more listeners than workers, and uses workers again", async () => {
  await using server = nameServer("one");
  await using bench = new SupervisorBench({ maxWorkers: 2 });
  const plans = Array.from({ length: 5 }, (_, index) => tcp(`web-${index}`, freePort(), [server.port]));
  await bench.apply(...plans);
  assert.deepEqual(bench.supervisor.workers, { running: 2, restarts: 0 });
  for (const { port } of plans) assert.equal(await readName(port), "one");
  await bench.apply();
  await until("all are gone", () => bench.supervisor.draining === 0);
  await bench.apply(...plans);
  assert.equal(bench.workers.length, 2);
  for (const { port } of plans) assert.equal(await readName(port), "one");
});
