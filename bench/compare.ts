/**
 * Weir, HAProxy and nginx in turn, round after round, through everything that is asked for.
 *
 * @module
 */

import { print } from "../src/cli/output.ts";
import type { Ground } from "./ground.ts";
import type { Options } from "./options.ts";
import type { Contender, Proxy } from "./proxies/proxy.ts";
import { type Cell, cellOf, type Row, rowOf } from "./results.ts";
import { idleSlice, type Sample, slice } from "./slice.ts";
import { type Features, isAsked, type Lane, type Work, WORKS } from "./works.ts";

/** Seconds of one slice; whole ones, as wrk has them. */
export const SLICE_SECONDS = 1;

/** Measures every work that is asked for. */
export async function compare(
  contenders: readonly Contender[],
  ground: Ground,
  options: Options & { readonly openssl: boolean },
): Promise<Row[]> {
  await using runners = new Runners(contenders, ground);
  const works = WORKS.filter(({ id, long, load }) =>
    isAsked(id, options.only) && !(options.quick && long) && (load !== "openssl" || options.openssl)
  );
  const rows: Row[] = [];
  for (const [index, work] of works.entries()) {
    print(`${index + 1}/${works.length} ${work.title}`);
    const lanes = work.lanes.filter((lane) =>
      (lane.program === "direct" || runners.has(lane.program)) && !(options.quick && lane.isReference)
    );
    const samples = lanes.map((): Sample[] => []);
    const rounds = work.action === "idle" ? options.idleRounds : options.rounds;
    // The first round warms up: code that is compiled, memory that is pooled.
    for (let round = work.action === "idle" ? 0 : -1; round < rounds; round++) {
      for (const [place, lane] of lanes.entries()) {
        if (round < 0 && options.quick && !needsWarmUp(work, lane)) continue;
        const sample = await runners.measure(work, lane, options);
        if (round >= 0) samples[place]?.push(sample);
      }
    }
    rows.push(rowOf(work, lanes.map((lane, place): Cell => cellOf(lane, samples[place] ?? []))));
  }
  return rows;
}

/** In a minute only those can be warmed up that need it most. */
function needsWarmUp({ action }: Work, { program }: Lane): boolean {
  return program === "weir" && (action === "keep-alive" || action === "new");
}

/** The proxies, started when they are first needed. */
class Runners implements AsyncDisposable {
  readonly #contenders: ReadonlyMap<string, Contender>;
  readonly #ground: Ground;
  readonly #running = new Map<string, Proxy>();

  constructor(contenders: readonly Contender[], ground: Ground) {
    this.#contenders = new Map(contenders.map((contender) => [contender.program, contender]));
    this.#ground = ground;
  }

  has(program: string): boolean {
    return this.#contenders.has(program);
  }

  async measure(work: Work, lane: Lane, options: Options): Promise<Sample> {
    const ground = this.#ground;
    const contender = this.#contenders.get(lane.program);
    if (contender === undefined) return await slice(work, lane, { proxy: undefined, ground, seconds: SLICE_SECONDS });
    if (work.action === "idle") return await idleSlice(work, lane, { contender, ground, count: options.idle });
    const proxy = await this.#proxy(contender, work.features);
    return await slice(work, lane, { proxy, ground, seconds: SLICE_SECONDS });
  }

  async #proxy(contender: Contender, features: Features): Promise<Proxy> {
    const key = `${contender.program}/${features}`;
    const proxy = this.#running.get(key) ?? await contender.start(this.#ground, { features });
    this.#running.set(key, proxy);
    return proxy;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#running.values()].map((proxy) => proxy.stop()));
  }
}
