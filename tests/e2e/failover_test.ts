/** Servers that go, freeze and come back. @module */

import assert from "node:assert/strict";
import { backends, listener, QUICK_CHECK_SECONDS, QUICK_CHECKS } from "../support/configs.ts";
import { freePort } from "../support/ports.ts";
import { RunningWeir } from "../support/program.ts";
import { blackHole, nameServer, readName } from "../support/servers.ts";
import { until } from "../support/wait.ts";

/** For one connection attempt. */
const CONNECT_TIMEOUT_SECONDS = 1;

/** By so much a loaded machine may be later than the configured seconds say. */
const SLACK_SECONDS = 5;

/** The lines that were logged about a server's health, with their times. */
function transitions(running: RunningWeir, port: number): { readonly at: number; readonly text: string }[] {
  return running.log.split("\n").filter((line) => line.includes(`Server 127.0.0.1:${port} of listener \\"web\\"`)).map(
    (line) => {
      const { time, message } = JSON.parse(line) as { time: string; message: string };
      return { at: Date.parse(time), text: message };
    },
  );
}

/** Waits for the line that says what a server is at first. @returns how many lines there are then */
function firstTransition(running: RunningWeir, port: number): Promise<number> {
  return until("its first state is logged", () => transitions(running, port).length || undefined);
}

/** Waits for a server's health. */
function health(running: RunningWeir, index: number, wanted: string, name = "web") {
  return until(`server ${index} of "${name}" is ${wanted}`, async () => {
    const server = (await running.listener(name)).servers[index];
    return server?.health === wanted && server;
  });
}

Deno.test("a server that is killed: no client notices, probes find it Abnormal in time, and back in time when it returns", async () => {
  await using stays = nameServer("s");
  const goes = nameServer("g");
  const { port: gone } = goes;
  const port = freePort();
  const group = backends([gone, stays.port], { healthCheck: { ...QUICK_CHECKS, passive: false } });
  await using running = await RunningWeir.start({ listeners: [listener(port, group)] });
  await health(running, 0, "Healthy");
  await health(running, 1, "Healthy");
  const before = await firstTransition(running, gone);
  assert.equal(before, 1, "Unknown became Healthy, once");

  await goes[Symbol.asyncDispose]();
  const goneAt = Date.now();
  const [down] = await until("it is logged as Abnormal", async () => {
    assert.equal(await readName(port), "s", "every client gets an answer");
    const lines = transitions(running, gone).slice(before);
    return lines.length > 0 && lines;
  }, 40);
  const refused = `connection to 127.0.0.1:${gone} refused; is it running on that port?`;
  assert.equal(
    down?.text,
    `Server 127.0.0.1:${gone} of listener "web" is Abnormal: 2 probes in a row failed, the last: ${refused}`,
  );
  const after = (at: number) => (at - goneAt) / 1000;
  assert.ok(
    after(down?.at ?? Infinity) <= QUICK_CHECK_SECONDS + SLACK_SECONDS,
    `Abnormal after ${after(down?.at ?? Infinity)} s`,
  );
  const shown = await health(running, 0, "Abnormal");
  assert.equal(shown.lastProbe?.ok, false);
  assert.equal(shown.lastProbe?.error, refused);

  await using back = nameServer("g", { port: gone });
  const backAt = Date.now();
  const answers = new Set<string>();
  await until("it takes connections again", async () => {
    answers.add(await readName(port));
    return answers.has("g");
  }, 40);
  const lines = await until("that is logged as well", () => {
    const found = transitions(running, gone).slice(before);
    return found.length > 1 && found;
  });
  assert.equal(lines.length, 2, "each transition is logged once");
  assert.match(lines[1]?.text ?? "", /is Healthy: 2 probes in a row succeeded$/);
  const seconds = ((lines[1]?.at ?? Infinity) - backAt) / 1000;
  assert.ok(seconds <= QUICK_CHECK_SECONDS + SLACK_SECONDS, `Healthy after ${seconds} s`);
  assert.equal((await health(running, 0, "Healthy")).lastProbe?.error, null);
  assert.deepEqual([...answers].sort(), ["g", "s"]);
  assert.ok(back.accepted > 0);
});

Deno.test("a server that is black-holed: its clients are answered by another after one connectTimeout, it is Abnormal in time, and nobody is sent to it after that", async () => {
  using hole = blackHole("h");
  await using works = nameServer("w");
  const [port, alone] = [freePort(), freePort()];
  const healthCheck = { ...QUICK_CHECKS, passive: false };
  await using running = await RunningWeir.start({
    listeners: [
      listener(port, backends([hole.port, works.port], { healthCheck }), { connectTimeout: CONNECT_TIMEOUT_SECONDS }),
      listener(alone, backends([hole.port], { healthCheck }), {
        name: "alone",
        connectTimeout: CONNECT_TIMEOUT_SECONDS,
      }),
    ],
  });
  await health(running, 0, "Healthy");
  await health(running, 1, "Healthy");
  assert.deepEqual([await readName(port), await readName(port)].sort(), ["h", "w"]);
  const before = await firstTransition(running, hole.port);

  await hole.open();
  const openedAt = Date.now();
  assert.equal(await readName(alone), "", "with no other server the client is let go");
  await until("the failed connection is counted", async () => {
    return (await running.listener("alone")).connectionsEnded["connect_failed"] === 1;
  });
  const seconds: number[] = [];
  const [down] = await until("it is logged as Abnormal", async () => {
    const startedAt = performance.now();
    assert.equal(await readName(port), "w", "every client gets an answer");
    seconds.push((performance.now() - startedAt) / 1000);
    const lines = transitions(running, hole.port).slice(before);
    return lines.length > 0 && lines;
  }, 40);
  const noAnswer = `no answer from 127.0.0.1:${hole.port} within 2 s; is it up, and no firewall in between?`;
  assert.match(down?.text ?? "", /is Abnormal: 2 probes in a row failed/);
  assert.ok(down?.text.endsWith(noAnswer), down?.text);
  const after = ((down?.at ?? Infinity) - openedAt) / 1000;
  assert.ok(after <= QUICK_CHECK_SECONDS + SLACK_SECONDS, `Abnormal after ${after} s`);
  const longest = Math.max(...seconds);
  assert.ok(
    longest >= CONNECT_TIMEOUT_SECONDS && longest < CONNECT_TIMEOUT_SECONDS + SLACK_SECONDS,
    `the slowest client had its answer after ${longest} s`,
  );

  const { connectFailures, connectionsTotal, lastProbe } = await health(running, 0, "Abnormal");
  assert.equal(lastProbe?.error, noAnswer);
  for (let index = 0; index < 10; index++) assert.equal(await readName(port), "w");
  const now = (await running.listener("web")).servers[0];
  assert.deepEqual(
    [now?.connectFailures, now?.connectionsTotal],
    [connectFailures, connectionsTotal],
    "it is not tried any more",
  );
});

Deno.test("with health checks off servers are Disabled, are not probed, and take connections", async () => {
  await using server = nameServer("s");
  const port = freePort();
  await using running = await RunningWeir.start({ listeners: [listener(port, backends([server.port]))] });
  assert.equal((await health(running, 0, "Disabled")).lastProbe, null);
  assert.equal(await readName(port), "s");
  assert.equal(server.accepted, 1, "one client and no probe");
});

Deno.test("a health check port of its own decides, and not the server's port", async () => {
  await using ill = nameServer("i");
  await using well = nameServer("w");
  await using checked = nameServer("");
  const [port, other] = [freePort(), freePort()];
  const checkPort = freePort();
  await using running = await RunningWeir.start({
    listeners: [
      listener(
        port,
        backends([ill.port, { port: well.port, backup: true }], { healthCheck: { ...QUICK_CHECKS, port: checkPort } }),
      ),
      listener(other, backends([well.port], { healthCheck: { ...QUICK_CHECKS, port: checked.port } }), {
        name: "other",
      }),
    ],
  });
  await health(running, 0, "Healthy", "other");
  // A probe is over when the kernel has answered it, before this thread accepts.
  await until("the port of its own is probed", () => checked.accepted > 0);
  assert.equal(well.accepted, 0, "the server itself is not probed");
  const server = await health(running, 0, "Abnormal");
  assert.equal(server.lastProbe?.error, `connection to 127.0.0.1:${checkPort} refused; is it running on that port?`);
  assert.equal(ill.accepted, 0);
  await health(running, 1, "Abnormal");
  assert.equal(await readName(port), "i", "with the backup Abnormal as well, all are treated as healthy");
});
