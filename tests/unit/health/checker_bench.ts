/**
 * A checker over a pool, with a clock that the test moves and probes that it answers.
 *
 * @module
 */

import type { HealthCheckPlan } from "../../../src/config/model.ts";
import { HealthChecker, type HealthTransition } from "../../../src/health/checker.ts";
import type { ProbeResult, ProbeTarget } from "../../../src/health/probe.ts";
import { FakeClock } from "../fake_clock.ts";
import { poolPlan, TestPool, weighted } from "../plans.ts";

/** What a probe finds of a server that refuses. */
export const FAILED: ProbeResult = { ok: false, reason: "connection refused" };

/** A probe that was started. */
export interface Probe {
  readonly port: number;
  readonly target: ProbeTarget;
  readonly at: number;
  readonly signal: AbortSignal;
  readonly answer: (result: ProbeResult) => void;
}

/** A checker over a pool of servers on ports 1, 2, ... with probes that the test answers. */
export class CheckerBench {
  readonly clock = new FakeClock();
  readonly test: TestPool;
  readonly checker: HealthChecker;
  readonly probes: Probe[] = [];
  readonly transitions: string[] = [];
  readonly outcomes: (string | null)[] = [];
  /** Probes of one port that were under way at once, at most. */
  mostAtOnce = 0;
  /** What a probe gets at once; `undefined` leaves it to the test. */
  result: ((port: number) => ProbeResult | undefined) | undefined = () => ({ ok: true });
  random = 0.5;
  readonly #underWay = new Map<number, number>();

  constructor(plan: HealthCheckPlan, servers = 1) {
    this.test = new TestPool(poolPlan(weighted(new Array<number>(servers).fill(10))));
    this.checker = new HealthChecker(plan, {
      probe: (target, signal) => this.#probe(target, signal),
      after: this.clock.after,
      now: this.clock.now,
      random: () => this.random,
      portOf: (server) => server.plan.port ?? 0,
      onState: (server, state) => this.test.pool.setHealth(server, state),
      onTransition: (server, transition) => {
        this.transitions.push(`${server.plan.port} ${transition.from} -> ${transition.to}`);
        this.reasons.push(transition);
      },
      onOutcome: (_server, error) => this.outcomes.push(error),
    });
    this.update(plan);
  }

  readonly reasons: HealthTransition[] = [];

  update(plan: HealthCheckPlan): void {
    this.checker.update(plan, this.test.pool.servers);
  }

  health(port = 1): string {
    return this.test.server(`127.0.0.1:${port}`).counters.health;
  }

  /** Seconds between the starts of the probes. */
  get gaps(): number[] {
    return this.probes.slice(1).map((probe, index) => (probe.at - (this.probes[index]?.at ?? 0)) / 1000);
  }

  #probe(target: ProbeTarget, signal: AbortSignal): Promise<ProbeResult> {
    const { port } = target;
    const underWay = (this.#underWay.get(port) ?? 0) + 1;
    this.#underWay.set(port, underWay);
    this.mostAtOnce = Math.max(this.mostAtOnce, underWay);
    return new Promise((resolve) => {
      const answer = (result: ProbeResult) => {
        this.#underWay.set(port, (this.#underWay.get(port) ?? 0) - 1);
        resolve(result);
      };
      this.probes.push({ port, target, at: this.clock.now(), signal, answer });
      const result = this.result?.(port);
      if (result !== undefined) answer(result);
    });
  }
}
