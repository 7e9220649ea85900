/**
 * THE WAY OF A CONFIG CHANGE: lock, load, validate, look names up, resolve, diff, prepare, commit, report.
 *
 * @module
 */

import { diffListeners, type ListenerChange, sameData } from "../config/diff.ts";
import type { ConfigOrigin } from "../config/load.ts";
import type { Model } from "../config/model.ts";
import { resolveModel, serverNames } from "../config/resolve.ts";
import { drainsOnly, type Overrides, overridesWithin } from "../config/runtime.ts";
import type { ValidConfig } from "../config/validate.ts";
import { type ConfigProblem, formatProblem, messageOf, WeirError } from "../errors.ts";
import type { Log } from "../log.ts";
import type { PreparedNames } from "./name_watch.ts";
import type { PreparedChange } from "./supervisor.ts";

/** What one listener's change amounted to, for people and programs. */
export interface ReportedChange {
  readonly listener: string;
  readonly action: ListenerChange["kind"];
  /** The settings that changed, for `update` and `replace`. */
  readonly settings: readonly string[];
}

/** What a reload did. */
export interface ReloadReport {
  readonly at: string;
  /** What made it happen: `start`, `signal`, `api`. */
  readonly trigger: ReloadTrigger;
  readonly changes: readonly ReportedChange[];
  /** Settings outside of the listeners that changed. */
  readonly general: readonly string[];
  readonly warnings: readonly ConfigProblem[];
}

/** What makes a configuration load. */
export type ReloadTrigger = "start" | "signal" | "api";

/** The last reload and how it went. */
export type ReloadResult =
  | { readonly ok: true; readonly report: ReloadReport }
  | { readonly ok: false; readonly at: string; readonly trigger: ReloadTrigger; readonly error: string };

/** What a change is made of, and who carries it out. */
export interface ReloadContext {
  readonly origin: ConfigOrigin;
  readonly log: Log;
  /** Looks up the host names of servers. */
  prepareNames(names: ReadonlySet<string>, dnsServers: readonly string[]): Promise<PreparedNames>;
  /** Gets the listeners ready for a change. */
  prepareListeners(changes: readonly ListenerChange[], next: Model): Promise<PreparedChange>;
  /** Gets everything else ready (the admin API's address, logging). */
  prepareGeneral(before: Model | undefined, next: Model): Promise<PreparedChange>;
}

/** Loads configurations, one at a time, and keeps the one that serves. */
export class Reloader {
  readonly #context: ReloadContext;
  #serving: Model | undefined;
  /** What {@link #serving} was made of. */
  #valid: ValidConfig | undefined;
  #overrides: Overrides = new Map();
  #last: ReloadResult | undefined;
  #queue: Promise<unknown> = Promise.resolve();
  #closed = false;

  /** @param context what a change is made of */
  constructor(context: ReloadContext) {
    this.#context = context;
  }

  /** The model that serves; `undefined` before the first one does. */
  get serving(): Model | undefined {
    return this.#serving;
  }

  /** How the last attempt went. */
  get last(): ReloadResult | undefined {
    return this.#last;
  }

  /**
   * Loads the configuration and makes it serve, or leaves everything as it is. Waits for one that is under way.
   *
   * @throws {ConfigError} when the configuration is not valid
   * @throws {WeirError} when it cannot be read, or cannot be carried out
   */
  reload(trigger: ReloadTrigger): Promise<ReloadReport> {
    return this.#inTurn(() => this.#run(trigger));
  }

  /**
   * Makes the configuration that serves, as it was read, serve with other facts: host names have other addresses, or
   * somebody drains a server.
   *
   * @param change what to do to the overrides; it may refuse by throwing
   * @throws {WeirError} when it cannot be carried out; everything is as it was then
   */
  adjust(change: (overrides: Overrides, serving: Model) => Overrides = (same) => same): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#valid === undefined || this.#serving === undefined) return;
      const { changes } = await this.#serve(this.#valid, change(this.#overrides, this.#serving));
      if (changes.length > 0) this.#context.log("debug", `Adjusted: ${summary(changes, [])}`);
    });
  }

  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#closed) {
      return Promise.reject(new WeirError("stopping", "Cannot change anything, because Weir is stopping"));
    }
    const turn = this.#queue.then(work);
    this.#queue = turn.catch(() => {});
    return turn;
  }

  /** Takes no reloads any more, and waits for those that were asked for. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#queue;
  }

  async #run(trigger: ReloadTrigger): Promise<ReloadReport> {
    const at = new Date().toISOString();
    try {
      const report = await this.#change(trigger, at);
      this.#last = { ok: true, report };
      return report;
    } catch (error) {
      this.#last = { ok: false, at, trigger, error: messageOf(error) };
      throw error;
    }
  }

  async #change(trigger: ReloadTrigger, at: string): Promise<ReloadReport> {
    const { origin, log } = this.#context;
    const valid = origin.load();
    const { changes, general } = await this.#serve(valid, drainsOnly(this.#overrides));
    for (const warning of valid.warnings) log("warn", formatProblem(warning));
    if (trigger !== "start") log("info", `Reloaded ${origin.file}: ${summary(changes, general)}`);
    return { at, trigger, changes: changes.map(reported), general, warnings: valid.warnings };
  }

  /** All of it happens, or nothing. */
  async #serve(valid: ValidConfig, overrides: Overrides) {
    const { prepareNames, prepareListeners, prepareGeneral } = this.#context;
    const before = this.#serving;
    const names = await prepareNames(serverNames(valid), valid.config.dns.servers);
    const next = resolveModel(valid, { addresses: names.addresses, overrides });
    const changes = diffListeners(before?.listeners ?? new Map(), next.listeners);
    const general = before === undefined ? [] : changedGenerally(before, next);

    const generalChange = await prepareGeneral(before, next);
    let listenerChange: PreparedChange;
    try {
      listenerChange = await prepareListeners(changes, next);
    } catch (error) {
      await generalChange.abort();
      throw error;
    }
    await listenerChange.commit();
    this.#serving = next;
    this.#valid = valid;
    this.#overrides = overridesWithin(overrides, next);
    names.commit();
    await generalChange.commit();
    return { changes, general };
  }
}

function changedGenerally(before: Model, next: Model): string[] {
  const keys = ["admin", "log", "dnsServers", "drainTimeout", "maxWorkers"] as const;
  return keys.filter((key) => !sameData(before[key], next[key]));
}

function reported(change: ListenerChange): ReportedChange {
  return {
    listener: change.kind === "stop" ? change.name : change.plan.name,
    action: change.kind,
    settings: "changed" in change ? change.changed : [],
  };
}

function summary(changes: readonly ListenerChange[], general: readonly string[]): string {
  const parts = [
    ...changes.map((change) => {
      const { action, listener, settings } = reported(change);
      return `${action} "${listener}"${settings.length > 0 ? ` (${settings.join(", ")})` : ""}`;
    }),
    ...general,
  ];
  return parts.length === 0 ? "no change" : parts.join("; ");
}
