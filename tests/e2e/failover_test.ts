/** Servers that go, freeze and come back. @module */

import assert from "node:assert/strict";
import { backends, listener, QUICK_CHECK_SECONDS, QUICK_CHECKS } from "../support/configs.ts";
import { freePort } from "../support/ports.ts";
import { RunningWeir } from "../support/program.ts";
import { frozenServer, nameServer, readName } from "../support/servers.ts";
import { until } from "../support/wait.ts";

/** The lines that were logged about a server's health, with their times. */
function transitions(running: RunningWeir, port: number): { readonly at: number; readonly text: string }[] {
  return running.log.split("\n").filter((line) => line.includes(`Server 127.0.0.1:${port} of listener \\"web\\"`)).map(
    (line) => {
      const { time, message } = JSON.parse(line) as { time: string; message: string };
      return { at: Date.parse(time), text: message };
    },
  );
}

/** Waits for a server's health. */
function health(running: RunningWeir, index: number, wanted: string, name = "web") {
  return until(`server ${index} of "${name}" is ${wanted}`, async () => {
    const server = (await running.listener(name)).servers[index];
    return server?.health === wanted && server;
  }, 40);
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
  const before = transitions(running, gone).length;
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
  assert.ok(after(down?.at ?? Infinity) <= QUICK_CHECK_SECONDS, `Abnormal after ${after(down?.at ?? Infinity)} s`);
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
  const lines = transitions(running, gone).slice(before);
  assert.equal(lines.length, 2, "each transition is logged once");
  assert.match(lines[1]?.text ?? "", /is Healthy: 2 probes in a row succeeded$/);
  const seconds = ((lines[1]?.at ?? Infinity) - backAt) / 1000;
  assert.ok(seconds <= QUICK_CHECK_SECONDS, `Healthy after ${seconds} s`);
  assert.equal((await health(running, 0, "Healthy")).lastProbe?.error, null);
  assert.deepEqual([...answers].sort(), ["g", "s"]);
  assert.ok(back.accepted > 0);
});

Deno.test("a frozen server: the connect times out, the next server is tried, and probes find it Abnormal", async () => {
  using frozen = await frozenServer();
  await using works = nameServer("w");
  const [port, alone] = [freePort(), freePort()];
  await using running = await RunningWeir.start({
    listeners: [
      listener(port, backends([frozen.port, works.port], { healthCheck: QUICK_CHECKS }), { connectTimeout: 1 }),
      listener(alone, backends([frozen.port]), { name: "alone", connectTimeout: 1 }),
    ],
  });
  const startedAt = performance.now();
  assert.equal(await readName(port), "w");
  assert.ok(performance.now() - startedAt >= 1000, "the frozen one had its connectTimeout");
  assert.equal((await running.listener("web")).servers[0]?.connectFailures, 1);
  assert.equal(await readName(alone), "", "with no other server the client is let go");
  await until("the failed connection is counted", async () => {
    return (await running.listener("alone")).connectionsEnded["connect_failed"] === 1;
  });

  const server = await health(running, 0, "Abnormal");
  assert.equal(
    server.lastProbe?.error,
    `no answer from 127.0.0.1:${frozen.port} within 2 s; is it up, and no firewall in between?`,
  );
  assert.equal(transitions(running, frozen.port).length, 1);
  const { connectFailures } = server;
  for (let index = 0; index < 4; index++) assert.equal(await readName(port), "w");
  assert.equal(
    (await running.listener("web")).servers[0]?.connectFailures,
    connectFailures,
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
  assert.ok(checked.accepted > 0);
  assert.equal(well.accepted, 0, "the server itself is not probed");
  const server = await health(running, 0, "Abnormal");
  assert.equal(server.lastProbe?.error, `connection to 127.0.0.1:${checkPort} refused; is it running on that port?`);
  assert.equal(ill.accepted, 0);
  await health(running, 1, "Abnormal");
  assert.equal(await readName(port), "i", "with the backup Abnormal as well, all are treated as healthy");
});
