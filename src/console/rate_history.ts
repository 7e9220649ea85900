/**
 * What moved in the last minutes: the counters of each listener, looked at again and again. Bounded in size: listeners
 * that are gone are forgotten, and so is what is too long ago.
 *
 * @module
 */

/** Milliseconds from one look to the next. */
export const LOOK_MS = 2000;

/** Looks that are remembered: five minutes. */
export const LOOKS = 150;

/** What a listener has counted. */
export interface Counted {
  readonly connectionsActive: number;
  readonly connectionsTotal: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

/** What is drawn. */
export const MEASURES = ["newConnections", "active", "bytesIn", "bytesOut"] as const;

/** New connections a second, connections open, bytes a second from clients, bytes a second to clients. */
export type Measure = (typeof MEASURES)[number];

/** Where looks come from. */
export interface RateContext {
  /** Every listener and what it has counted. */
  counters(): Iterable<readonly [listener: string, counted: Counted]>;
  /** Milliseconds, from any moment. */
  now(): number;
}

type Values = Readonly<Record<Measure, number>>;

const NOTHING: Values = { newConnections: 0, active: 0, bytesIn: 0, bytesOut: 0 };

/** The looks at one listener, the oldest first. */
class Series {
  readonly #values: Readonly<Record<Measure, Float32Array>> = {
    newConnections: new Float32Array(LOOKS),
    active: new Float32Array(LOOKS),
    bytesIn: new Float32Array(LOOKS),
    bytesOut: new Float32Array(LOOKS),
  };
  #count = 0;

  add(values: Values): void {
    const at = this.#count++ % LOOKS;
    for (const measure of MEASURES) this.#values[measure][at] = values[measure];
  }

  list(measure: Measure): number[] {
    const values = this.#values[measure];
    const length = Math.min(this.#count, LOOKS);
    return Array.from({ length }, (_, index) => values[(this.#count - length + index) % LOOKS] ?? 0);
  }
}

/** Keeps rates. */
export class RateHistory {
  readonly #context: RateContext;
  readonly #series = new Map<string, Series>();
  readonly #total = new Series();
  #last: ReadonlyMap<string, Counted> | undefined;
  #lastAt = 0;

  /** @param context where looks come from */
  constructor(context: RateContext) {
    this.#context = context;
  }

  /** Looks once. The first look, and the first at a listener that is new, make no rate. */
  look(): void {
    const now = this.#context.now();
    const counters = new Map(this.#context.counters());
    const seconds = (now - this.#lastAt) / 1000;
    if (this.#last !== undefined && seconds > 0) this.#note(counters, this.#last, seconds);
    for (const name of this.#series.keys()) if (!counters.has(name)) this.#series.delete(name);
    this.#last = counters;
    this.#lastAt = now;
  }

  #note(counters: ReadonlyMap<string, Counted>, before: ReadonlyMap<string, Counted>, seconds: number): void {
    let total = NOTHING;
    for (const [name, is] of counters) {
      const was = before.get(name);
      const rate = (pick: (counted: Counted) => number) =>
        was === undefined ? 0 : Math.max(0, pick(is) - pick(was)) / seconds;
      const values = {
        newConnections: rate((one) => one.connectionsTotal),
        active: is.connectionsActive,
        bytesIn: rate((one) => one.bytesIn),
        bytesOut: rate((one) => one.bytesOut),
      };
      let series = this.#series.get(name);
      if (series === undefined) this.#series.set(name, series = new Series());
      series.add(values);
      total = {
        newConnections: total.newConnections + values.newConnections,
        active: total.active + values.active,
        bytesIn: total.bytesIn + values.bytesIn,
        bytesOut: total.bytesOut + values.bytesOut,
      };
    }
    this.#total.add(total);
  }

  /** A measure of one listener, or of all together, the oldest value first; empty before there are two looks. */
  values(measure: Measure, listener?: string): number[] {
    return (listener === undefined ? this.#total : this.#series.get(listener))?.list(measure) ?? [];
  }

  /** The newest value; 0 before there is one. */
  newest(measure: Measure, listener?: string): number {
    return this.values(measure, listener).at(-1) ?? 0;
  }
}
