/** A real Prometheus reads the program's metrics, in the format that it asks for, and evaluates the alert rules. @module */

import assert from "node:assert/strict";
import { z } from "zod";
import { backends, listener } from "../support/configs.ts";
import { peerTest } from "../support/peers.ts";
import { freePort } from "../support/ports.ts";
import { projectPath, RunningWeir } from "../support/program.ts";
import { nameServer, readName } from "../support/servers.ts";
import { until } from "../support/wait.ts";

const TOKEN = "a-token-of-this-test";

const targets = z.object({
  data: z.object({
    activeTargets: z.array(z.object({ health: z.string(), lastError: z.string(), lastScrape: z.string() })),
  }),
});
const result = z.object({
  data: z.object({ result: z.array(z.object({ value: z.tuple([z.number(), z.string()]) })) }),
});
const rules = z.object({
  data: z.object({
    groups: z.array(z.object({
      rules: z.array(z.object({ name: z.string(), health: z.string(), lastEvaluation: z.string() })),
    })),
  }),
});

peerTest("Prometheus scrapes the program and evaluates the alert rules", ["prometheus"], async ({ prometheus }) => {
  await using server = nameServer("a");
  const port = freePort();
  await using running = await RunningWeir.start({
    admin: { token: TOKEN },
    listeners: [listener(port, backends([server.port]))],
  });
  for (let count = 0; count < 3; count++) await readName(port);
  const folder = await Deno.makeTempDir({ prefix: "weir-test-" });
  const own = freePort();
  const config = {
    global: { scrape_interval: "1s", evaluation_interval: "1s" },
    rule_files: [projectPath("config/prometheus/weir-alerts.yaml")],
    scrape_configs: [{
      job_name: "weir",
      static_configs: [{ targets: [`127.0.0.1:${running.adminPort}`] }],
      authorization: { credentials: TOKEN },
    }],
  };
  await Deno.writeTextFile(`${folder}/prometheus.yml`, JSON.stringify(config));
  const process = new Deno.Command(prometheus, {
    args: [
      `--config.file=${folder}/prometheus.yml`,
      `--storage.tsdb.path=${folder}/data`,
      `--web.listen-address=127.0.0.1:${own}`,
    ],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const ask = async <Schema extends z.ZodType>(path: string, schema: Schema): Promise<z.infer<Schema> | undefined> => {
    try {
      const response = await fetch(`http://127.0.0.1:${own}/api/v1/${path}`);
      const parsed = schema.safeParse(await response.json());
      return parsed.success ? parsed.data : undefined;
    } catch {
      return undefined; // it has not started yet
    }
  };
  try {
    // It gives a scrape no longer than the second until the next one, which a busy machine may not keep once.
    let lastError = "";
    await until("Prometheus has scraped", async () => {
      const [target] = (await ask("targets", targets))?.data.activeTargets ?? [];
      lastError = target?.lastError ?? "";
      return target?.health === "up";
    }).catch((error) => assert.fail(`${error.message}: ${lastError}`));
    const total = encodeURIComponent('weir_connections_total{listener="web"}');
    const value = await until("the counter is there", async () => {
      return (await ask(`query?query=${total}`, result))?.data.result[0]?.value[1];
    });
    assert.equal(value, "3");
    const evaluated = await until("every rule was evaluated", async () => {
      const found = (await ask("rules", rules))?.data.groups.flatMap((group) => group.rules) ?? [];
      return found.length > 0 && found.every(({ health }) => health !== "unknown") && found;
    });
    assert.deepEqual(evaluated.filter(({ health }) => health !== "ok"), []);
  } finally {
    process.kill("SIGTERM");
    await process.status;
    await Deno.remove(folder, { recursive: true });
  }
});
