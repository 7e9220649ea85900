/** Listeners with many ports in real workers: as a whole or not at all, and changed in place. */

import assert from "node:assert/strict";
import { WeirError } from "../../src/errors.ts";
import { freePortsInARow } from "../support/ports.ts";
import { echoServer, nameServer, readName, writeAll } from "../support/servers.ts";
import { until } from "../support/wait.ts";
import { isListening, newTls, range, readNameTls, SupervisorBench, tcp } from "./bench.ts";

const LAST = 9;

/** More ports than a TCP listener shares with the main thread. */
const MANY = 150;

async function ping(connection: Deno.TcpConn): Promise<void> {
  await writeAll(connection, new TextEncoder().encode("ping"));
  assert.equal(await connection.read(new Uint8Array(10)), 4);
}

/** Which of ten ports in a row somebody listens on. */
async function listening(first: number): Promise<number[]> {
  const places = Array.from({ length: LAST + 1 }, (_, place) => place);
  const open = await Promise.all(places.map((place) => isListening(first + place)));
  return places.filter((place) => open[place]);
}

for (const [kind, count] of [["shared", LAST + 1], ["beside", MANY]] as const) {
  Deno.test(`supervisor serves every port of a range with sockets of kind "${kind}", also after its worker died`, async () => {
    await using server = nameServer("one");
    await using bench = new SupervisorBench();
    const first = freePortsInARow(count);
    await bench.apply(range("web", first, first + count - 1, [server.port]));
    const ports = [first, first + 7, first + count - 1];
    for (const port of ports) assert.equal(await readName(port), "one");
    bench.kill();
    await bench.state("web", "restarting");
    await bench.state("web", "accepting");
    for (const port of ports) assert.equal(await readName(port), "one");
    await bench.apply();
    await until("all of them are closed", async () => {
      return (await Promise.all(ports.map((port) => isListening(port)))).every((open) => !open);
    });
  });
}

Deno.test("supervisor grows and shrinks a range in place; connections stay, also those of a port that goes", async () => {
  await using echo = echoServer();
  await using bench = new SupervisorBench();
  const first = freePortsInARow(LAST + 1);
  await bench.apply(range("web", first + 2, first + 4, [echo.port]));
  using onStaying = await Deno.connect({ port: first + 4 });
  using onGoing = await Deno.connect({ port: first + 2 });
  await ping(onStaying);
  await ping(onGoing);
  await bench.apply(range("web", first, first + LAST, [echo.port]));
  assert.deepEqual(await listening(first), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  await bench.apply(range("web", first + 4, first + 6, [echo.port]));
  await until("the ports that went are closed", async () => (await listening(first)).length === 3);
  assert.deepEqual(await listening(first), [4, 5, 6]);
  await bench.apply(tcp("web", first + 4, [echo.port]));
  await until("only one is open", async () => (await listening(first)).length === 1);
  assert.deepEqual(await listening(first), [4]);
  await ping(onStaying);
  await ping(onGoing);
  assert.equal(bench.workers.length, 1);
  assert.equal(bench.supervisor.draining, 0);
});

Deno.test("supervisor grows a range whose worker has died meanwhile", async () => {
  await using server = nameServer("one");
  await using bench = new SupervisorBench();
  const first = freePortsInARow(LAST + 1);
  await bench.apply(range("web", first, first + 1, [server.port]));
  const grown = range("web", first, first + LAST, [server.port]);
  const change = await bench.prepare([grown]);
  bench.kill();
  await change.commit();
  bench.committed([grown]);
  await bench.state("web", "accepting");
  await until("every port is open", async () => (await listening(first)).length === LAST + 1);
  assert.equal(await readName(first + LAST), "one");
});

for (const protocol of ["TCP", "TCP_SSL", "fast TCP_SSL"]) {
  Deno.test(`supervisor.prepare() of a ${protocol} range with a port in use names the port and opens nothing`, async () => {
    await using server = nameServer("one");
    await using bench = new SupervisorBench();
    const first = freePortsInARow(LAST + 1);
    const tls = protocol === "TCP" ? null : await newTls(protocol === "TCP_SSL" ? "full" : "fast");
    const plan = (last: number) => ({ ...range("web", first, first + last, [server.port]), tls });
    using squatter = Deno.listen({ hostname: "127.0.0.1", port: first + 7 });
    const isNamed = (error: unknown) => {
      assert.ok(error instanceof WeirError);
      assert.equal(error.kind, "bind_failed");
      const problem = `Cannot listen on 127.0.0.1:${first + 7}: the port is in use by another program; `;
      assert.ok(error.message.startsWith(`Listener "web": ${problem}`), error.message);
      return true;
    };
    await assert.rejects(bench.prepare([plan(LAST)]), isNamed);
    assert.deepEqual(await listening(first), [7], "the squatter");
    await bench.apply(plan(2));
    await assert.rejects(bench.prepare([plan(LAST)]), isNamed);
    assert.deepEqual(await listening(first), [0, 1, 2, 7]);
    assert.equal(tls === null ? await readName(first + 1) : await readNameTls(first + 1, tls), "one");
    squatter.close();
    await bench.apply(plan(LAST));
    assert.equal((await listening(first)).length, LAST + 1);
  });
}

Deno.test("supervisor abort() closes the ports that were added, and no others", async () => {
  await using server = nameServer("one");
  await using bench = new SupervisorBench();
  const first = freePortsInARow(LAST + 1);
  await bench.apply(range("web", first, first + 2, [server.port]));
  const change = await bench.prepare([range("web", first + 1, first + LAST, [server.port])]);
  await change.abort();
  assert.deepEqual(await listening(first), [0, 1, 2]);
  for (const port of [first, first + 1, first + 2]) assert.equal(await readName(port), "one");
});

Deno.test("supervisor hands a port of a range to a listener with another protocol, and takes it back on failure", async () => {
  await using server = nameServer("one");
  await using echo = echoServer();
  await using bench = new SupervisorBench();
  const first = freePortsInARow(LAST + 1);
  const tls = await newTls();
  await bench.apply(range("web", first, first + LAST, [echo.port]));
  using held = await Deno.connect({ port: first + 5 });
  await ping(held);
  const without = {
    ...range("web", first, first + LAST, [echo.port]),
    ports: [{ first, last: first + 4 }, { first: first + 6, last: first + LAST }],
  };
  const safe = { ...tcp("safe", first + 5, [server.port]), tls };
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await assert.rejects(bench.prepare([without, safe, tcp("bad", taken.addr.port, [server.port])]), WeirError);
  using again = await Deno.connect({ port: first + 5 });
  await ping(again);
  await bench.apply(without, safe);
  assert.equal(await readNameTls(first + 5, tls), "one");
  using beside = await Deno.connect({ port: first + 6 });
  await ping(beside);
  await ping(held);
  await ping(again);
  await bench.apply(range("web", first, first + LAST, [server.port]));
  assert.equal(await readName(first + 5), "one");
});

Deno.test("supervisor moves ports from one range to another in one change", async () => {
  await using one = nameServer("one");
  await using two = nameServer("two");
  await using bench = new SupervisorBench();
  const first = freePortsInARow(LAST + 1);
  await bench.apply(range("a", first, first + 4, [one.port]), range("b", first + 5, first + LAST, [two.port]));
  await bench.apply(range("a", first, first + 1, [one.port]), range("b", first + 2, first + LAST, [two.port]));
  assert.deepEqual(await Promise.all([1, 2, 4, 5].map((place) => readName(first + place))), [
    "one",
    "two",
    "two",
    "two",
  ]);
  await bench.apply(range("b", first, first + LAST, [two.port]));
  assert.equal(await readName(first), "two");
});

Deno.test("supervisor gives a renewed certificate to every port of a range that grows at the same time", async () => {
  await using server = nameServer("one");
  await using bench = new SupervisorBench();
  const first = freePortsInARow(LAST + 1);
  const [old, renewed] = [await newTls("fast"), await newTls("fast")];
  await bench.apply({ ...range("web", first, first + 2, [server.port]), tls: old });
  assert.equal(await readNameTls(first + 2, old), "one");
  await bench.apply({ ...range("web", first + 1, first + 4, [server.port]), tls: renewed });
  for (const place of [1, 2, 3, 4]) assert.equal(await readNameTls(first + place, renewed), "one");
  assert.equal(await isListening(first), false);
});
