/**
 * What a port of a listener costs: memory, descriptors and time to start, of a listener with many ports against the
 * same one with one port. Prints a table; `WEIR_PROGRAM` names an executable to measure instead of main.ts.
 *
 *     deno run --allow-all bench/ports.ts [PORTS]
 *
 * @module
 */

import { print } from "../src/cli/output.ts";
import { CERTIFICATE_STORE, certificateFiles, overTls, testCertificate } from "../tests/support/certificates.ts";
import { RunningWeir } from "../tests/support/program.ts";
import { median } from "./statistics.ts";

const ROUNDS = 5;

/** The first port of the listeners; they have to be free. */
const FIRST = 20_000;

interface Cost {
  /** From the start of the process until it is ready. */
  readonly milliseconds: number;
  readonly rssBytes: number;
  readonly descriptors: number;
}

const files = certificateFiles(await testCertificate());

async function measure(protocol: string, count: number): Promise<Cost> {
  const startedAt = performance.now();
  await using running = await RunningWeir.start({
    certificates: CERTIFICATE_STORE,
    log: { level: "error" },
    listeners: [{
      name: "range",
      protocol: "TCP",
      address: "127.0.0.9",
      ports: `${FIRST}-${FIRST + count - 1}`,
      backends: { servers: [{ address: "127.0.0.2" }], healthCheck: { enabled: false } },
      ...(protocol === "TCP" ? {} : overTls()),
    }],
  }, { files });
  const milliseconds = performance.now() - startedAt;
  // Until what the start has left behind is cleared away.
  await new Promise((resolve) => setTimeout(resolve, 2000));
  const status = Deno.readTextFileSync(`/proc/${running.pid}/status`);
  return {
    milliseconds,
    rssBytes: Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024,
    descriptors: [...Deno.readDirSync(`/proc/${running.pid}/fd`)].length,
  };
}

async function medians(protocol: string, count: number): Promise<Cost> {
  const costs: Cost[] = [];
  for (let round = 0; round < ROUNDS; round++) costs.push(await measure(protocol, count));
  const of = (pick: (cost: Cost) => number) => median(costs.map(pick));
  return {
    milliseconds: of((cost) => cost.milliseconds),
    rssBytes: of((cost) => cost.rssBytes),
    descriptors: of((cost) => cost.descriptors),
  };
}

if (import.meta.main) {
  const counts = Deno.args.length > 0 ? Deno.args.map(Number) : [100, 1000];
  print("| listener | start, 1 port | start, all ports | memory a port | descriptors a port |");
  print("| --- | --- | --- | --- | --- |");
  for (const protocol of ["TCP", "TCP_SSL"]) {
    const one = await medians(protocol, 1);
    for (const count of counts) {
      const all = await medians(protocol, count);
      const each = (pick: (cost: Cost) => number) => (pick(all) - pick(one)) / (count - 1);
      const cells = [
        `${protocol}, ${count} ports`,
        `${one.milliseconds.toFixed(0)} ms`,
        `${all.milliseconds.toFixed(0)} ms`,
        `${(each((cost) => cost.rssBytes) / 1000).toFixed(1)} KB`,
        each((cost) => cost.descriptors).toFixed(1),
      ];
      print(`| ${cells.join(" | ")} |`);
    }
  }
}
