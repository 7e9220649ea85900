/** A supervisor gets ready for another process that is to listen beside it. @module */

import assert from "node:assert/strict";
import { checkFree, listenBeside, listenShared } from "../../src/net/listen.ts";
import { freePort } from "../support/ports.ts";
import { echoServer, nameServer, readName, writeAll } from "../support/servers.ts";
import { until } from "../support/wait.ts";
import { isListening, SupervisorBench, tcp } from "./bench.ts";

const onLinux = { ignore: Deno.build.os !== "linux" };

for (const workers of [1, 3]) {
  Deno.test(
    `supervisor.admitSuccessor() with ${workers} thread(s): sockets beside, connections stay`,
    onLinux,
    async () => {
      await using server = echoServer();
      await using bench = new SupervisorBench();
      const at = { address: "127.0.0.1", port: freePort(), backlog: 10 };
      await bench.apply({ ...tcp("web", at.port, [server.port]), workers });
      using held = await Deno.connect({ port: at.port });
      const ping = async (connection: Deno.Conn) => {
        await writeAll(connection, new TextEncoder().encode("ping"));
        assert.equal(await connection.read(new Uint8Array(10)), 4);
      };
      await ping(held);
      assert.throws(() => listenBeside(at), "nobody can listen beside a queue that is shared");

      await bench.supervisor.admitSuccessor();
      listenBeside(at).close();
      assert.throws(() => listenShared(at), "only who says so can");
      assert.throws(() => checkFree(at));
      await ping(held);
      assert.deepEqual(bench.supervisor.threadsOf("web").map(({ state }) => state), Array(workers).fill("accepting"));
      for (let time = 0; time < 3 * workers; time++) {
        using connection = await Deno.connect({ port: at.port });
        await ping(connection);
      }
      assert.deepEqual(bench.supervisor.places, [{ address: at.address, ports: [{ first: at.port, last: at.port }] }]);

      await bench.supervisor.admitSuccessor();
      await ping(held);
      // It is changed, and its worker replaced, as ever.
      await bench.apply({ ...tcp("web", at.port, [server.port]), workers: workers + 1 });
      bench.crash();
      await until("another has started", () => bench.supervisor.workers.restarts === 1);
      await bench.state("web", "accepting");
      await until(
        "all threads accept",
        () => bench.supervisor.threadsOf("web").every(({ state }) => state === "accepting"),
      );
      using fresh = await Deno.connect({ port: at.port });
      await ping(fresh);
      await bench.apply();
      await until("nothing is left", async () => !(await isListening(at.port)));
    },
  );
}

Deno.test(
  "supervisor.admitSuccessor() while a worker is being replaced: its sockets are beside, too",
  onLinux,
  async () => {
    await using server = nameServer("one");
    await using bench = new SupervisorBench();
    const at = { address: "127.0.0.1", port: freePort(), backlog: 10 };
    await bench.apply(tcp("web", at.port, [server.port]));
    bench.crash();
    await until("it is being replaced", () => bench.supervisor.stateOf("web") === "restarting");
    await bench.supervisor.admitSuccessor();
    await bench.state("web", "accepting");
    assert.equal(await readName(at.port), "one");
    await until("its socket is one of its own", () => {
      try {
        listenBeside(at).close();
        return true;
      } catch {
        return false;
      }
    });
    assert.equal(await readName(at.port), "one");
  },
);

Deno.test("supervisor.stop() serves those who wait in the queue first", async () => {
  await using server = nameServer("one");
  await using bench = new SupervisorBench({ drainTimeout: 60 });
  const plan = tcp("web", freePort(), [server.port]);
  await bench.apply(plan);
  const names = Array.from({ length: 50 }, () => readName(plan.port));
  const waiting = await Promise.all(Array.from({ length: 50 }, () => Deno.connect({ port: plan.port })));
  const stopped = bench.supervisor.stop(60);
  for (const connection of waiting) {
    assert.ok((await connection.read(new Uint8Array(3)) ?? 0) > 0);
    connection.close();
  }
  assert.deepEqual(await Promise.all(names), Array(50).fill("one"));
  await stopped;
});
