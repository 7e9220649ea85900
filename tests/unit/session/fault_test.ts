/** A fault in one session ends that session, and reaches no other. @module */

import assert from "node:assert/strict";
import { until } from "../../support/wait.ts";
import { echoServer, readAll } from "../../support/servers.ts";
import { assertEchoes } from "../../support/echo.ts";
import { SessionBench, tcpPair } from "./bench.ts";

const FAULT = new TypeError("injected");

function fail(): never {
  throw FAULT;
}

/** Where one session meets a fault, by what it works with. */
const PLACES: readonly (readonly [what: string, inject: (bench: SessionBench) => void])[] = [
  ["picking a server", (bench) => bench.pool.acquire = fail],
  ["taking a buffer", (bench) => bench.buffers.small = fail],
  ["the wheel", (bench) => bench.wheel.tickAfter = fail],
  ["counting bytes", (bench) => bench.counters.addBytesIn = fail],
  ["counting its end", (bench) => bench.counters.lasted = fail],
  ["the access log", (bench) => {
    bench.accessFormat = "json";
    bench.onAccess = fail;
  }],
];

for (const [what, inject] of PLACES) {
  Deno.test(`a fault in ${what} ends the session it happens in, once, and no other`, async () => {
    await using server = echoServer();
    const bench = new SessionBench([{ port: server.port }]);
    const other = await tcpPair();
    await bench.start(other.accepted).ran;
    await assertEchoes(other.near, "before");

    const whole = { ...bench, acquire: bench.pool.acquire };
    const methods = { small: bench.buffers.small, tickAfter: bench.wheel.tickAfter, onAccess: bench.onAccess };
    const counters = { addBytesIn: bench.counters.addBytesIn, lasted: bench.counters.lasted };
    inject(bench);
    const hit = await tcpPair();
    const { ran } = bench.start(hit.accepted);
    await ran;
    await hit.near.write(new Uint8Array([1])).catch(() => {});
    await hit.near.closeWrite().catch(() => {});
    await readAll(hit.near).catch(() => {});
    hit.near.close();
    await until("it has ended", () => bench.ends.length === 1);
    bench.pool.acquire = whole.acquire;
    Object.assign(bench.buffers, { small: methods.small });
    Object.assign(bench.wheel, { tickAfter: methods.tickAfter });
    Object.assign(bench, { onAccess: methods.onAccess, accessFormat: null });
    Object.assign(bench.counters, counters);

    await assertEchoes(other.near, "after");
    assert.equal(bench.ends.length, 1);
    const { connectionsActive } = bench.counters.read();
    assert.equal(connectionsActive, 1, "only the other is open");
    assert.equal(bench.server(server.port).connectionsActive, 1);
    other.near.close();
    await until("the other has ended", () => bench.ends.length === 2);
    assert.equal(bench.wheel.size, 0);
    assert.ok(bench.faults.every((fault) => fault === FAULT), `${bench.faults}`);
  });
}

Deno.test("session.end() never throws, closes both sides and tells of the end, whatever goes wrong on the way", async () => {
  await using server = echoServer();
  const bench = new SessionBench([{ port: server.port }]);
  const { near, accepted } = await tcpPair();
  const { session, ran } = bench.start(accepted);
  await ran;
  bench.counters.closed = fail;
  const { close } = accepted;
  accepted.close = () => {
    close.call(accepted);
    fail();
  };
  session.end("idle_timeout");
  session.end("idle_timeout");
  assert.deepEqual([bench.ends, bench.faults], [["idle_timeout"], [FAULT, FAULT]]);
  assert.equal((await readAll(near)).length, 0);
  near.close();
  await until("the server's side is closed", () => server.open === 0);
});
