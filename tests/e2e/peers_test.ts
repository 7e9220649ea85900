/** Real servers and clients, who know nothing of Weir between them. @module */

import assert from "node:assert/strict";
import { CERTIFICATE_STORE, certificateFiles, overTls, testCertificate } from "../support/certificates.ts";
import { backends, listener } from "../support/configs.ts";
import { peerTest, run } from "../support/peers.ts";
import { freePort } from "../support/ports.ts";
import { asPostgres, startNginx, startPostgres, startRedis } from "../support/processes.ts";
import { RunningWeir } from "../support/program.ts";
import { wrkWithoutErrors } from "../support/wrk.ts";

/** No session may have ended for a reason that is a fault. */
async function assertCleanEnds(running: RunningWeir): Promise<void> {
  const { connectionsEnded } = await running.listener("web");
  for (const reason of ["reset", "connect_failed", "no_server", "internal_error", "handshake_failed", "idle_timeout"]) {
    assert.equal(connectionsEnded[reason] ?? 0, 0, reason);
  }
}

peerTest(
  "pgbench: ten seconds of TPC-B against PostgreSQL, and no transaction fails",
  ["initdb", "postgres", "pgbench"],
  async ({ initdb, postgres, pgbench }) => {
    await using server = await startPostgres({ initdb, postgres });
    const port = freePort();
    await using running = await RunningWeir.start({ listeners: [listener(port, backends([server.port]))] });
    const bench = async (...args: string[]) => {
      const where = ["-h", "127.0.0.1", "-p", `${port}`, "-U", "postgres"];
      const [program = "", ...rest] = asPostgres([pgbench, ...where, ...args, "postgres"]);
      const result = await run(program, rest, { cwd: "/" });
      assert.equal(result.code, 0, result.stderr);
      return result.stdout;
    };
    await bench("-i");
    const report = await bench("-c", "8", "-T", "10");
    assert.match(report, /number of failed transactions: 0 \(/);
    assert.ok(Number(/number of transactions actually processed: (\d+)/.exec(report)?.[1] ?? 0) > 0, report);
    assert.ok((await running.listener("web")).connectionsTotal >= 10);
    await assertCleanEnds(running);
  },
);

peerTest(
  "redis-benchmark: 200,000 pipelined SETs and GETs against Redis, without an error",
  ["redis-server", "redis-benchmark"],
  async (paths) => {
    await using server = await startRedis(paths["redis-server"]);
    const port = freePort();
    await using running = await RunningWeir.start({ listeners: [listener(port, backends([server.port]))] });
    const args = ["-h", "127.0.0.1", "-p", `${port}`, "-P", "16", "-n", "200000", "-t", "set,get", "-q"];
    const { code, stdout, stderr } = await run(paths["redis-benchmark"], args);
    assert.equal(code, 0, stderr);
    assert.doesNotMatch(stdout + stderr, /error|refused|reset|closed/i);
    assert.match(stdout, /SET: [\d.]+ requests per second/);
    assert.match(stdout, /GET: [\d.]+ requests per second/);
    assert.ok((await running.listener("web")).bytesIn > 200_000 * 2 * 14);
  },
);

peerTest(
  "wrk over a TCP_SSL listener to nginx: no socket error, no status but 2xx",
  ["wrk", "nginx"],
  async (paths) => {
    await using server = await startNginx(paths.nginx, "hello");
    const port = freePort();
    const certificate = await testCertificate();
    await using running = await RunningWeir.start({
      certificates: CERTIFICATE_STORE,
      listeners: [listener(port, backends([server.port]), overTls())],
    }, { files: certificateFiles(certificate) });
    const requests = await wrkWithoutErrors(paths.wrk, ["-t2", "-c50", "-d5s", `https://127.0.0.1:${port}/`], {
      pause: 0,
    });
    const { connectionsTotal, connectionsEnded } = await running.listener("web");
    assert.ok(connectionsTotal >= Math.floor(requests / 100), "nginx closes a connection after 100 requests");
    for (const reason of ["connect_failed", "no_server", "internal_error", "idle_timeout", "handshake_timeout"]) {
      assert.equal(connectionsEnded[reason] ?? 0, 0, reason);
    }
    // Before it begins, wrk tries the address with one connection that it closes without a word; when its time is over,
    // it cuts its 50 connections off, and nginx has it open a new one every 100 requests: some are in their handshake.
    assert.ok((connectionsEnded["handshake_failed"] ?? 0) <= 1 + 50, JSON.stringify(connectionsEnded));
  },
);
