/**
 * What a second thread brings: `workers: 2` against `workers: 1`, beside HAProxy with two threads against one.
 *
 * On a machine with few processors the load generator takes its share of them. So the work that is looked at for
 * throughput is one that costs the proxy many times what it costs the generator and the back end: TLS handshakes with an
 * RSA key of 4096 bits, where the server signs and the client hardly does anything. What HAProxy gets out of a second
 * thread in the same way shows what the machine has to give. Work that costs the generator as much as the proxy is shown
 * by what a unit costs in one thread and in two.
 *
 * @module
 */

import { print } from "../src/cli/output.ts";
import { issue } from "../tests/support/authority.ts";
import type { Ground } from "./ground.ts";
import { wrk } from "./load/wrk.ts";
import { workerThreadSeconds } from "./process_tree.ts";
import type { Contender, Proxy } from "./proxies/proxy.ts";
import { type Cell, cellOf } from "./results.ts";
import { type Sample, slice } from "./slice.ts";
import type { Lane, Work } from "./works.ts";

/** A work in one thread and in two. */
export interface ThreadRow {
  readonly title: string;
  readonly unit: string;
  readonly cells: readonly Cell[];
}

/** How evenly two threads share work: the larger share over the mean, minus 1. */
export interface Fairness {
  readonly what: string;
  readonly shares: readonly number[];
  readonly worst: number;
}

/** One thread against two. */
export interface ThreadResults {
  readonly rows: readonly ThreadRow[];
  readonly fairness: readonly Fairness[];
}

/** Bits of the RSA key. */
const KEY_BITS = 4096;

const CERTIFICATE = { cert: "rsa.pem", key: "rsa.key", both: "rsa-both.pem" };

/** Seconds of a slice for the look at how even the threads are. */
const FAIRNESS_SECONDS = 2;

/** Connections whose spread over the threads is looked at. */
const FAIRNESS_CONNECTIONS = 256;

/** Handshakes take longer, and some hundred of them are wanted. */
const WORKS = [
  { id: "threads-rsa", title: "TLS, full handshake each, RSA 4096", action: "handshake", front: "tls", seconds: 2 },
  { id: "threads-new", title: "TCP, new connection each", action: "new", front: "tcp", seconds: 1 },
  { id: "threads-keep-alive", title: "TCP, requests, kept open", action: "keep-alive", front: "tcp", seconds: 1 },
] as const;

/** Measures one thread and two, in turn. */
export async function compareThreads(
  contenders: readonly Contender[],
  ground: Ground,
  rounds: number,
): Promise<ThreadResults> {
  await writeRsaFiles(ground.folder);
  const teams: { readonly name: string; readonly contender: Contender; readonly proxy: Proxy }[] = [];
  await using stack = new AsyncDisposableStack();
  for (const contender of contenders.filter(({ program }) => program !== "nginx")) {
    for (const threads of [1, 2]) {
      const proxy = await contender.start(ground, { features: "off", threads, certificate: CERTIFICATE });
      stack.defer(() => proxy.stop());
      teams.push({ name: `${contender.program} ${threads}`, contender, proxy });
    }
  }
  const rows: ThreadRow[] = [];
  for (const { id, title, action, front, seconds } of WORKS) {
    print(`threads: ${title}`);
    const work: Work = {
      id,
      title,
      action,
      features: "off",
      load: action === "handshake" ? "openssl" : "wrk",
      lanes: [],
      long: false,
    };
    const lanes = teams.map(({ name, contender }): Lane => ({ name, program: contender.program, front }));
    const samples = lanes.map((): Sample[] => []);
    for (let round = -1; round < rounds; round++) {
      for (const [place, { proxy }] of teams.entries()) {
        const lane = lanes[place];
        if (lane === undefined) continue;
        const sample = await slice(work, lane, { proxy, ground, seconds });
        if (round >= 0) samples[place]?.push(sample);
      }
    }
    rows.push({ title, unit: "us", cells: lanes.map((lane, place) => cellOf(lane, samples[place] ?? [])) });
  }
  const two = teams.find(({ name }) => name === "weir 2");
  return { rows, fairness: two === undefined ? [] : await fairnessOf(two.proxy) };
}

async function writeRsaFiles(folder: string): Promise<void> {
  const keys = await crypto.subtle.generateKey(
    { name: "RSASSA-PKCS1-v1_5", modulusLength: KEY_BITS, publicExponent: Uint8Array.of(1, 0, 1), hash: "SHA-256" },
    true,
    ["sign", "verify"],
  ) as CryptoKeyPair;
  const { certPem, keyPem } = await issue({ name: "bench RSA", key: "RSA", keys, hosts: ["localhost"] });
  const write = (name: string, text: string) => Deno.writeTextFile(`${folder}/${name}`, text, { mode: 0o600 });
  await write(CERTIFICATE.cert, certPem);
  await write(CERTIFICATE.key, keyPem);
  await write(CERTIFICATE.both, certPem + keyPem);
}

/** How Weir's two threads share connections that stay, and the CPU time of those that do not. */
async function fairnessOf({ pid, ports, adminPort }: Proxy): Promise<Fairness[]> {
  const url = `http://127.0.0.1:${ports.tcp?.web}/small`;
  const open = async () => {
    const response = await fetch(`http://127.0.0.1:${adminPort}/v1/listeners/tcp-web`);
    const { threads }: { threads: { connectionsActive: number }[] } = await response.json();
    return threads.map(({ connectionsActive }) => connectionsActive);
  };
  const kept = wrk(url, { seconds: FAIRNESS_SECONDS, connections: FAIRNESS_CONNECTIONS });
  await new Promise((resolve) => setTimeout(resolve, FAIRNESS_SECONDS * 500));
  const shares = await open();
  await kept;

  const before = workerThreadSeconds(pid);
  await wrk(url, { seconds: FAIRNESS_SECONDS, connections: 32, close: true });
  // The listener's two threads are those that have worked most.
  const used = [...workerThreadSeconds(pid)].map(([thread, seconds]) => seconds - (before.get(thread) ?? 0))
    .sort((a, b) => b - a).slice(0, 2);
  return [
    { what: `open connections of ${FAIRNESS_CONNECTIONS} kept open`, shares, worst: worstOf(shares) },
    { what: "CPU seconds for new connections", shares: used, worst: worstOf(used) },
  ];
}

/** How far the largest share is above the mean. */
export function worstOf(shares: readonly number[]): number {
  const mean = shares.reduce((sum, share) => sum + share, 0) / shares.length;
  return Math.max(...shares) / mean - 1;
}
