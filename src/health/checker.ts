/**
 * Probes the servers of one listener, each on its own clock, and tells of every change. Of the threads of a listener one
 * probes; the others know what it finds from the board, and add what their clients' connections find.
 *
 * @module
 */

import type { HealthState } from "../board/layout.ts";
import type { HealthCheckPlan } from "../config/model.ts";
import type { Server } from "../upstream/pool.ts";
import type { ProbeResult, ProbeTarget } from "./probe.ts";
import { afterResult, decidedAs, type HealthStatus, PASSIVE_FAILURES } from "./threshold.ts";

/** A change of a server's state. */
export interface HealthTransition {
  readonly from: HealthState;
  readonly to: HealthState;
  /** Why, for people. */
  readonly reason: string;
}

/** What the checker needs from outside; time and chance come in here. */
export interface CheckerContext {
  readonly probe: (target: ProbeTarget, signal: AbortSignal) => Promise<ProbeResult>;
  /** Calls back after `seconds`; what it returns cancels the call. */
  readonly after: (seconds: number, call: () => void) => () => void;
  /** 0 up to 1. */
  readonly random: () => number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Writes down a server's state, told after every result. @returns what it was before */
  readonly onState: (server: Server, state: HealthState) => HealthState;
  /** The port on which a server is probed when the settings name none. */
  readonly portOf: (server: Server) => number;
  /** A server's state has changed. Called once a change. */
  readonly onTransition: (server: Server, transition: HealthTransition) => void;
  /** A probe's outcome differs from the one before it (another error, say). */
  readonly onOutcome: (server: Server, error: string | null) => void;
}

interface Watch {
  readonly server: Server;
  readonly stop: AbortController;
  status: HealthStatus;
  /** Whether a probe is under way; there is never more than one. */
  probing: boolean;
  /** The last probe's error, `null` after a success, `undefined` before the first. */
  error: string | null | undefined;
  /** Cancels the next probe; `undefined` when there never was one. */
  cancel: (() => void) | undefined;
}

/** Probes servers and keeps their health. */
export class HealthChecker {
  readonly #context: CheckerContext;
  readonly #watches = new Map<Server, Watch>();
  #plan: HealthCheckPlan;
  #servers: ReadonlySet<Server> = new Set();
  #probing: boolean;

  /** @param plan how to probe, @param context time, chance, sockets and listeners, @param probing or another thread? */
  constructor(plan: HealthCheckPlan, context: CheckerContext, probing = true) {
    this.#plan = plan;
    this.#context = context;
    this.#probing = probing;
  }

  /** Probes from now on: the thread that did is gone. */
  takeOver(): void {
    this.#probing = true;
    this.update(this.#plan, this.#servers);
  }

  /**
   * Takes up servers and settings. Servers that stay keep their state and their clock, unless the settings of the
   * clock have changed; new ones start as Unknown (Disabled without health checks), or as the board knows them.
   */
  update(plan: HealthCheckPlan, servers: Iterable<Server>): void {
    const before = this.#plan;
    this.#plan = plan;
    const wanted = new Set(servers);
    this.#servers = wanted;
    for (const watch of this.#watches.values()) {
      if (!wanted.has(watch.server)) this.#forget(watch);
    }
    const reschedule = before.interval !== plan.interval || before.enabled !== plan.enabled ||
      before.port !== plan.port;
    for (const server of wanted) {
      if (!plan.enabled) {
        this.#forget(this.#watches.get(server));
        if (this.#probing) this.#move(server, "Disabled", "health checks are switched off");
        continue;
      }
      if (this.#probing && server.counters.health === "Disabled") {
        this.#move(server, "Unknown", "health checks are switched on");
      }
      const watch = this.#watches.get(server) ?? this.#watch(server);
      if (!this.#probing || watch.probing || (watch.cancel !== undefined && !reschedule)) continue;
      watch.cancel?.();
      this.#schedule(watch, this.#context.random());
    }
  }

  /**
   * Clients' connections to a server have failed `inARow` times in a row: enough of them make it Abnormal at once, until
   * its probes say otherwise. Without probes nothing would bring it back, so nothing happens to servers without.
   *
   * @param last why the last one failed
   */
  connectionsFailed(server: Server, inARow: number, last: string): void {
    const watch = this.#watches.get(server);
    if (watch === undefined || !this.#plan.passive || inARow < PASSIVE_FAILURES) return;
    if (server.counters.health === "Abnormal") return;
    watch.status = decidedAs("Abnormal");
    this.#move(server, "Abnormal", `${inARow} connections in a row failed, the last: ${last}`);
  }

  /** Ends all probing. */
  stop(): void {
    for (const watch of this.#watches.values()) this.#forget(watch);
  }

  #watch(server: Server): Watch {
    const known = server.counters.health;
    // A worker that takes over from one that died goes on with what the board knows.
    const state = known === "Disabled" ? "Unknown" : known;
    const watch: Watch = {
      server,
      stop: new AbortController(),
      status: decidedAs(state),
      probing: false,
      error: undefined,
      cancel: undefined,
    };
    this.#watches.set(server, watch);
    return watch;
  }

  #forget(watch: Watch | undefined): void {
    if (watch === undefined) return;
    watch.cancel?.();
    watch.stop.abort();
    this.#watches.delete(watch.server);
  }

  #schedule(watch: Watch, seconds: number): void {
    watch.cancel = this.#context.after(seconds, () => void this.#run(watch));
  }

  async #run(watch: Watch): Promise<void> {
    const first = watch.error === undefined;
    const startedAt = this.#context.now();
    const { address } = watch.server.plan;
    const { timeout, port } = this.#plan;
    const target = { address, port: port ?? this.#context.portOf(watch.server), timeout };
    watch.probing = true;
    const result = await this.#context.probe(target, watch.stop.signal);
    watch.probing = false;
    if (watch.stop.signal.aborted) return;
    this.#take(watch, result);
    // From start to start, so that a slow probe does not stretch the interval; the second one is earlier by chance, so
    // that servers which came together are not probed together ever after.
    const spent = (this.#context.now() - startedAt) / 1000;
    const pause = first ? this.#plan.interval * (0.5 + this.#context.random() / 2) : this.#plan.interval;
    // A clock that was set back must not stop the probing.
    this.#schedule(watch, Math.max(0, pause - Math.max(0, spent)));
  }

  #take(watch: Watch, result: ProbeResult): void {
    const { server } = watch;
    if (result.ok === null) return;
    const error = result.ok ? null : result.reason;
    server.counters.probed(result.ok, this.#context.now());
    if (watch.error !== error) this.#context.onOutcome(server, error);
    watch.error = error;
    // Another thread may have come to know the server meanwhile; what is on the board holds.
    const known = server.counters.health;
    if (known !== watch.status.state && known !== "Disabled") watch.status = decidedAs(known);
    watch.status = afterResult(watch.status, result.ok, this.#plan);
    const { run, state } = watch.status;
    const probes = run === 1 ? "a probe" : `${run} probes in a row`;
    this.#move(server, state, result.ok ? `${probes} succeeded` : `${probes} failed, the last: ${error}`);
  }

  #move(server: Server, to: HealthState, reason: string): void {
    const from = this.#context.onState(server, to);
    if (from !== to) this.#context.onTransition(server, { from, to, reason });
  }
}
