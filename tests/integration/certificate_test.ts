/** Certificates that change: refused as a whole, taken back, and renewed whatever dies meanwhile. @module */

import assert from "node:assert/strict";
import { WeirError } from "../../src/errors.ts";
import { freePort } from "../support/ports.ts";
import { nameServer, readName } from "../support/servers.ts";
import { until } from "../support/wait.ts";
import { settled } from "../unit/fake_clock.ts";
import { isListening, namesFrom, newTls, readNameTls, serversOn, SupervisorBench, tcp } from "./bench.ts";

/** Enough connections that two sockets which share a port would both get some. */
const CONNECTIONS = 12;

Deno.test("supervisor.prepare() refuses a certificate that the fast engine cannot open; weights and listeners stay as they were", async () => {
  await using one = nameServer("one");
  await using two = nameServer("two");
  await using bench = new SupervisorBench();
  const [tls, other] = [await newTls("fast"), await newTls("fast")];
  const [mine, foreign] = [tls.certificates[0], other.certificates[0]];
  const safe = { ...tcp("safe", freePort(), [one.port]), tls };
  const plain = tcp("plain", freePort(), [one.port]);
  await bench.apply(safe, plain);
  const added = tcp("added", freePort(), [one.port]);
  for (const bad of [{ ...mine, certPem: "no certificate" }, { ...mine, keyPem: foreign.keyPem }]) {
    const next = [
      { ...safe, tls: { ...tls, certificates: [bad] as const }, pool: serversOn(two.port) },
      { ...plain, pool: serversOn(two.port) },
      added,
    ];
    await assert.rejects(bench.prepare(next), (error) => {
      assert.ok(error instanceof WeirError);
      assert.match(error.message, /^Listener "safe": Cannot listen on 127\.0\.0\.1:/);
      return true;
    });
    assert.equal(await isListening(added.port), false);
    for (let connection = 0; connection < CONNECTIONS; connection++) {
      assert.equal(await readNameTls(safe.port, tls), "one");
    }
    assert.deepEqual(await namesFrom(plain.port, 3), ["one", "one", "one"]);
  }
  await bench.apply({ ...safe, tls: other, pool: serversOn(two.port) }, plain); // and a good one goes through
  assert.equal(await readNameTls(safe.port, other), "two");
});

Deno.test("supervisor abort() closes the socket with the renewed certificate, and the old one serves on", async () => {
  await using server = nameServer("one");
  await using bench = new SupervisorBench();
  const [old, renewed] = [await newTls("fast"), await newTls("fast")];
  const plan = { ...tcp("web", freePort(), [server.port]), tls: old };
  await bench.apply(plan);
  for (let round = 0; round < 2; round++) {
    const change = await bench.prepare([{ ...plan, tls: renewed }]);
    await until("some get the renewed certificate already", async () => {
      return await readNameTls(plan.port, renewed).catch(() => "") === "one";
    });
    await change.abort();
    for (let connection = 0; connection < CONNECTIONS; connection++) {
      assert.equal(await readNameTls(plan.port, old), "one");
    }
  }
  await bench.apply();
  await until("nothing is left", async () => !(await isListening(plan.port)));
});

const MOMENTS = ["when its worker dies", "when another worker starts", "when another worker has started"].flatMap(
  (moment) => (["full", "fast"] as const).map((engine) => ({ moment, engine })),
);

for (const { moment, engine } of MOMENTS) {
  Deno.test(`supervisor commit() of a certificate of the ${engine} engine at the moment ${moment} serves it to everybody`, async () => {
    await using server = nameServer("one");
    await using bench = new SupervisorBench();
    const [old, renewed] = [await newTls(engine), await newTls(engine)];
    const plan = { ...tcp("web", freePort(), [server.port]), tls: old };
    await bench.apply(plan);
    const next = { ...plan, tls: renewed };
    const change = await bench.prepare([next]);
    bench.kill();
    if (moment !== "when its worker dies") await until("another starts", () => bench.workers.length === 2);
    if (moment === "when another worker has started") await bench.answers(bench.workers[1]);
    await change.commit();
    bench.committed([next]);
    await bench.state("web", "accepting");
    for (let connection = 0; connection < CONNECTIONS; connection++) {
      assert.equal(await readNameTls(plan.port, renewed), "one");
    }
    assert.equal(bench.supervisor.boards.listener("web")?.read().acceptErrors, 0);
    await bench.apply();
    await until("nothing is left", async () => !(await isListening(plan.port)));
  });
}

for (const protocol of ["TCP", "TCP_SSL"]) {
  Deno.test(`supervisor.prepare() of a ${protocol} listener whose worker dies is refused and leaves no socket`, async () => {
    await using server = nameServer("one");
    await using bench = new SupervisorBench();
    const plain = tcp("web", freePort(), [server.port]);
    const plan = protocol === "TCP" ? plain : { ...plain, tls: await newTls() };
    const preparing = bench.prepare([plan]);
    preparing.catch(() => {}); // looked at below
    await settled();
    assert.equal(bench.workers.length, 1, "it has just been started, and cannot have answered yet");
    bench.kill();
    await assert.rejects(preparing, /^WeirError: Listener "web": .*died/);
    await until("the dead one is gone", () => bench.supervisor.workers.running === 0);
    assert.equal(bench.workers.length, 1, "nobody needs another");
    assert.equal(await isListening(plan.port), false);
    assert.equal(bench.supervisor.boards.listener("web"), undefined, "nor a board");
    await bench.apply(plain);
    assert.equal(await readName(plan.port), "one");
    assert.equal(bench.workers.length, 2);
  });
}
