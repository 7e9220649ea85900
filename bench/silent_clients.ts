/**
 * What good TLS clients notice of 2,000 that never finish their handshake: wrk's 99th percentile with and without them,
 * in turn, round after round, and what the silent ones cost. Says little on a machine that does other work as well.
 *
 * `deno run -A bench/silent_clients.ts [rounds] [seconds over which the silent ones come, 0 for one moment]`
 *
 * @module
 */

import { print } from "../src/cli/output.ts";
import { CERTIFICATE_STORE, certificateFiles, overTls, testCertificate } from "../tests/support/certificates.ts";
import { readToAnyEnd, recordClientHello } from "../tests/support/client_hello.ts";
import { backends, listener } from "../tests/support/configs.ts";
import { findProgram, run } from "../tests/support/peers.ts";
import { freePort } from "../tests/support/ports.ts";
import { startNginx } from "../tests/support/processes.ts";
import { RunningWeir } from "../tests/support/program.ts";
import { median } from "./statistics.ts";

const SILENT = 2000;
const HANDSHAKE_SECONDS = 4;
const WRK_SECONDS = 8;

const [wrk, nginx] = [findProgram("wrk"), findProgram("nginx")];
if (wrk === undefined || nginx === undefined) throw new Error("wrk and nginx are needed");
await using server = await startNginx(nginx, "hello");
const port = freePort();
await using _weir = await RunningWeir.start({
  certificates: CERTIFICATE_STORE,
  listeners: [listener(port, backends([server.port]), overTls({ handshakeTimeout: HANDSHAKE_SECONDS }))],
}, { files: certificateFiles(await testCertificate()) });
const hello = await recordClientHello();

/** The 99th percentile in milliseconds. */
async function load(args: readonly string[]): Promise<number> {
  const url = `https://127.0.0.1:${port}/`;
  const { stdout } = await run(wrk ?? "", ["--latency", "-t1", "-c16", `-d${WRK_SECONDS}s`, ...args, url]);
  const [, value = "", unit = ""] = /99% +([\d.]+)(us|ms|s)/.exec(stdout) ?? [];
  return Number(value) * { us: 0.001, ms: 1, s: 1000 }[unit as "us" | "ms" | "s"];
}

/** One client that sends nothing, or half of what it should, and stays until it is closed. */
async function silent(index: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 1000 * spread * index / SILENT));
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  if (index % 2 === 0) await connection.write(hello.subarray(0, hello.length / 2));
  await readToAnyEnd(connection);
}

const [rounds = 5, spread = 0] = Deno.args.map(Number);
for (const [what, args] of [["new connections", ["-H", "Connection: close"]], ["keep-alive", []]] as const) {
  await load(args);
  const alone: number[] = [];
  const among: number[] = [];
  for (let round = 0; round < rounds; round++) {
    alone.push(await load(args));
    const good = load(args);
    await Promise.all(Array.from({ length: SILENT }, (_, index) => silent(index)));
    among.push(await good);
  }
  const ratio = median(among) / median(alone);
  print(
    `${what}: p99 ${median(alone)} ms alone, ${median(among)} ms among ${SILENT} silent ones: ${ratio.toFixed(2)}x`,
  );
}
