/**
 * THE WAY OF A CONFIG CHANGE: lock, load, validate, look names up, resolve, diff, prepare, commit, report.
 *
 * @module
 */

import { type AcceptedConfig, acceptedFrom, changeInMemory, changeOnDisk, unsavedPaths } from "../config/accepted.ts";
import { diffListeners, type ListenerChange } from "../config/diff.ts";
import type { ConfigOrigin } from "../config/load.ts";
import type { Model } from "../config/model.ts";
import { serverNames } from "../config/resolve_pools.ts";
import { resolveModel } from "../config/resolve.ts";
import type { Refusal } from "../config/renew.ts";
import { type ConfigSource, formatPath } from "../config/source.ts";
import { pathBelow } from "../config/request_problems.ts";
import type { Undo } from "../config/write_files.ts";
import { drainsOnly, type Overrides, overridesWithin } from "../config/runtime.ts";
import { type ConfigProblem, formatProblem, messageOf, WeirError } from "../errors.ts";
import type { Log } from "../log.ts";
import type {
  ChangeReport,
  ReloadReport,
  ReloadResult,
  ReloadTrigger,
  RenewalResult,
  RequestedChange,
} from "./change_reports.ts";
import { changedGenerally, lostWarning, pathOf, reported, summary } from "./change_words.ts";
import { lateSettings } from "./late_settings.ts";
import type { PreparedNames } from "./name_watch.ts";
import type { PreparedChange } from "./prepared_change.ts";
import { describeRenewed } from "./renewed.ts";
import { Turns } from "./turns.ts";

/** What a change is made of, and who carries it out. */
export interface ReloadContext {
  readonly origin: ConfigOrigin;
  readonly log: Log;
  /** Processors that this program may use. */
  readonly processors: number;
  /** Looks up the host names of servers. */
  prepareNames(names: ReadonlySet<string>, dnsServers: readonly string[]): Promise<PreparedNames>;
  /** Gets the listeners ready for a change. */
  prepareListeners(changes: readonly ListenerChange[], next: Model): Promise<PreparedChange>;
  /** Gets everything else ready (the admin API's address, logging). @param source where the settings stand */
  prepareGeneral(before: Model | undefined, next: Model, source: ConfigSource): Promise<PreparedChange>;
}

/** Loads configurations, one at a time, and keeps the one that serves. */
export class Reloader {
  readonly #context: ReloadContext;
  #serving: Model | undefined;
  /** What {@link #serving} was made of. */
  #accepted: AcceptedConfig | undefined;
  #overrides: Overrides = new Map();
  #last: ReloadResult | undefined;
  #lastRenewal: RenewalResult | undefined;
  readonly #turns = new Turns();
  #closed = false;

  /** @param context what a change is made of */
  constructor(context: ReloadContext) {
    this.#context = context;
  }

  /** The model that serves; `undefined` before the first one does. */
  get serving(): Model | undefined {
    return this.#serving;
  }

  /** The configuration that serves, before it was resolved; `undefined` before the first one does. */
  get accepted(): AcceptedConfig | undefined {
    return this.#accepted;
  }

  /** How the last attempt to load the whole configuration went. */
  get last(): ReloadResult | undefined {
    return this.#last;
  }

  /**
   * How the last renewal of certificates went; `undefined` when the configuration was loaded as a whole since. It says
   * nothing about the configuration's file, and {@link last} nothing about renewals.
   */
  get lastRenewal(): RenewalResult | undefined {
    return this.#lastRenewal;
  }

  /** Servers that take nothing new, and other weights, as they were set at run time. */
  get overrides(): Overrides {
    return this.#overrides;
  }

  /** What is to hold beside the configuration from the start. Only before the first one is loaded. */
  carryOver(overrides: Overrides): void {
    this.#overrides = overrides;
  }

  /**
   * Loads the configuration and makes it serve, or leaves everything as it is. Waits for one that is under way.
   *
   * @throws {ConfigError} when the configuration is not valid
   * @throws {WeirError} when it cannot be read, or cannot be carried out
   */
  reload(trigger: ReloadTrigger): Promise<ReloadReport> {
    return this.#inTurn(() => this.#reload(trigger));
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
      if (this.#accepted === undefined || this.#serving === undefined) return;
      const { changes } = await this.#serve(this.#accepted, change(this.#overrides, this.#serving));
      if (changes.length > 0) this.#context.log("debug", `Adjusted: ${summary(changes, [])}`);
    });
  }

  /**
   * Changes one entry of the configuration that serves, and of its file if that is asked for: both, or neither.
   *
   * @param request says what to do when its turn has come; it may refuse by throwing
   * @throws {ConfigError} when the configuration would not be valid
   * @throws {WeirError} when the file has been changed by somebody else, or it cannot be written or carried out
   */
  change(request: () => RequestedChange): Promise<ChangeReport> {
    return this.#inTurn(() => this.#change(request()));
  }

  /** Does something while no configuration changes. @throws {WeirError} `stopping`, and whatever the work does */
  betweenChanges<Result>(work: () => Promise<Result>): Promise<Result> {
    return this.#inTurn(work);
  }

  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#closed) {
      return Promise.reject(new WeirError("stopping", "Cannot change anything, because Weir is stopping"));
    }
    return this.#turns.take(work);
  }

  /**
   * Reads the files of the certificate store again and makes those serve that have changed and are right. The rest of
   * the configuration stays what was last accepted, whatever its file holds by now. Never rejects.
   */
  renewCertificates(): Promise<RenewalResult> {
    return this.#turns.take(() => this.#renew());
  }

  /** Takes no reloads any more, and waits for those that were asked for. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#turns.over();
  }

  async #reload(trigger: ReloadTrigger): Promise<ReloadReport> {
    const at = new Date().toISOString();
    try {
      const { origin, log } = this.#context;
      // The file's weights win over those that were set since; what is drained stays drained.
      const lost = this.#accepted === undefined ? [] : unsavedPaths(this.#accepted);
      const { changes, ...parts } = await this.#serve(acceptedFrom(origin.load()), drainsOnly(this.#overrides));
      const warnings = [...parts.warnings, ...lost.map((path) => lostWarning(origin.file, path))];
      this.#warn(warnings);
      const report = { at, trigger, changes: changes.map(reported), ...parts, warnings };
      this.#last = { ok: true, report };
      this.#lastRenewal = undefined;
      if (trigger !== "start") {
        log("info", `Reloaded ${origin.file}: ${summary(changes, parts.general)}`, { event: "reloaded", trigger });
      }
      return report;
    } catch (error) {
      this.#last = { ok: false, at, trigger, error: messageOf(error) };
      throw error;
    }
  }

  async #renew(): Promise<RenewalResult> {
    const at = new Date().toISOString();
    const accepted = this.#accepted;
    let refused: readonly Refusal[] = [];
    let failure: string | null = null;
    if (accepted !== undefined && !this.#closed) {
      try {
        const { valid, ...renewal } = this.#context.origin.renew(accepted.valid);
        refused = renewal.refused;
        if (valid !== accepted.valid) {
          this.#warn((await this.#serve({ ...accepted, valid }, this.#overrides)).warnings);
        }
      } catch (error) {
        failure = messageOf(error);
      }
    }
    return this.#lastRenewal = { at, refused, error: failure };
  }

  async #change({ persist, make, adjust = (same) => same }: RequestedChange): Promise<ChangeReport> {
    const { origin } = this.#context;
    const accepted = this.#accepted;
    const serving = this.#serving;
    if (accepted === undefined || serving === undefined) {
      throw new WeirError("stopping", "Cannot change anything before anything serves");
    }
    const { next, change, writes } = (persist ? changeOnDisk : changeInMemory)(accepted, make, origin);
    const { changes, general } = await this.#serve(
      next,
      adjust(this.#overrides, serving),
      () => writes.length === 0 ? undefined : origin.storage?.write(writes),
    );
    const path = formatPath(change.path);
    const places = [path, ...(change.given ?? []).map((place) => formatPath(place.path))];
    const warnings = next.valid.warnings.filter((one) =>
      places.some((place) => pathBelow(one.path, place) !== undefined)
    );
    this.#warn(warnings);
    this.#lastRenewal = this.#lastRenewal === undefined ? undefined : {
      ...this.#lastRenewal,
      refused: this.#lastRenewal.refused.filter((one) => pathOf(one) !== path),
    };
    const deleted = persist ? this.#deleteLeftovers(change.leftovers) : [];
    return { persisted: persist, deleted, changes: changes.map(reported), general, warnings };
  }

  /** Nothing needs them any more, so nothing depends on whether they can be deleted. */
  #deleteLeftovers(names: readonly string[]): string[] {
    const { origin, log } = this.#context;
    return names.filter((name) => {
      try {
        return origin.storage?.removeOwn(origin.locate(name)) === true;
      } catch (error) {
        log("warn", `Cannot delete ${JSON.stringify(name)}, which nothing uses any more: ${messageOf(error)}`);
        return false;
      }
    });
  }

  #warn(warnings: readonly ConfigProblem[]): void {
    for (const warning of warnings) this.#context.log("warn", formatProblem(warning));
  }

  /**
   * All of it happens, or nothing.
   *
   * @param save writes it down, once it is sure that it can serve and before it does
   */
  async #serve(accepted: AcceptedConfig, overrides: Overrides, save: () => Undo | undefined = () => undefined) {
    const { valid } = accepted;
    const { origin, log, processors, prepareNames, prepareListeners, prepareGeneral } = this.#context;
    const before = this.#serving;
    const names = await prepareNames(serverNames(valid), valid.config.dns.servers);
    const next = resolveModel(valid, { addresses: names.addresses, overrides, processors });
    const changes = diffListeners(before?.listeners ?? new Map(), next.listeners);
    const general = before === undefined ? [] : changedGenerally(before, next);

    const warnings = [...valid.warnings, ...lateSettings(changes, next.listeners, origin.file)];
    const generalChange = await prepareGeneral(before, next, valid.source);
    let listenerChange: PreparedChange;
    try {
      listenerChange = await prepareListeners(changes, next);
    } catch (error) {
      await generalChange.abort();
      throw error;
    }
    let undo: Undo | undefined;
    try {
      undo = save();
    } catch (error) {
      await listenerChange.abort();
      await generalChange.abort();
      throw error;
    }
    try {
      await listenerChange.commit();
    } catch (error) {
      undo?.();
      throw error;
    }
    this.#serving = next;
    this.#accepted = accepted;
    this.#overrides = overridesWithin(overrides, next);
    names.commit();
    await generalChange.commit();

    for (const line of before === undefined ? [] : describeRenewed(before, next)) {
      log("info", line, { event: "certificate_renewed" });
    }
    return { changes, general, warnings };
  }
}
