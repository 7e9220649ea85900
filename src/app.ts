/**
 * The composition root: builds the parts, starts them, hears signals, and stops them in order. There are no other
 * globals.
 *
 * @module
 */

import { AccessLog } from "./access_log/access_log.ts";
import type { RuntimeView } from "./admin/views.ts";
import { AdminDoor } from "./app/admin_door.ts";
import { GivingWay } from "./app/giving_way.ts";
import { type GeneralContext, prepareGeneral } from "./app/general_settings.ts";
import type { AcceptedConfig } from "./config/accepted.ts";
import { LOOK_MS, RateHistory } from "./console/rate_history.ts";
import type { ConfigOrigin } from "./config/load.ts";
import type { Model } from "./config/model.ts";
import { drainsOf, type OverrideScope, type ServerOverride, withOverride } from "./config/runtime.ts";
import { EventLog, recordingLog } from "./control/event_log.ts";
import { HAS_DESCRIPTOR_LIMIT, openDescriptor } from "./control/descriptors.ts";
import { OverloadWatch } from "./control/overload_watch.ts";
import { LOOK_EVERY_MS, RefusalWatch } from "./control/refusal_watch.ts";
import { ConfigEditor } from "./control/config_editor.ts";
import { CertificateWatch } from "./control/certificate_watch.ts";
import { NameWatch } from "./control/name_watch.ts";
import {
  type ChangeReport,
  Reloader,
  type ReloadReport,
  type ReloadTrigger,
  type RequestedChange,
} from "./control/reload.ts";
import type { Offer } from "./control/succession.ts";
import { Supervisor } from "./control/supervisor.ts";
import { watchSystem } from "./control/watch_system.ts";
import { messageOf, WeirError } from "./errors.ts";
import { flushLog, type Log, log as writeLog, logAccess } from "./log.ts";
import { resolveName } from "./net/resolve_name.ts";
import { VERSION } from "./version.ts";

/** How the program was started. */
export interface AppOptions {
  /** The running Weir that this one is to replace. */
  readonly predecessor?: Pick<Offer, "id" | "places" | "admin" | "drained">;
  /** Whether the kernel hands the clients of a socket that closes to another one of its port. */
  readonly migrates?: boolean;
  /** How often a service manager wants to hear of this program, for the one that replaces it; `null` when none does. */
  readonly watchdogMicroseconds?: number | null;
}

/** A running load balancer. */
export class App {
  readonly #origin: ConfigOrigin;
  readonly #supervisor: Supervisor;
  readonly #reloader: Reloader;
  readonly #editor: ConfigEditor;
  readonly #certificateWatch: CertificateWatch;
  readonly #names: NameWatch;
  readonly #events = new EventLog();
  /** What is logged and is an event is remembered. */
  readonly #log: Log = recordingLog(writeLog, this.#events);
  readonly #refusals: RefusalWatch;
  readonly #overload: OverloadWatch;
  readonly #rates: RateHistory;
  readonly #stopLooking: (() => void)[] = [];
  readonly #accessLog: AccessLog;
  readonly #startedAt = new Date();
  readonly #door: AdminDoor;
  readonly #general: GeneralContext;
  readonly #givingWay: GivingWay;
  #stopping: Promise<void> | undefined;

  /** @param origin where the configuration comes from */
  constructor(origin: ConfigOrigin, options: AppOptions = {}) {
    this.#origin = origin;
    const { predecessor } = options;
    const log = this.#log;
    this.#accessLog = new AccessLog({
      log,
      // Nobody but the owner and a group that reads logs.
      open: (path) => Deno.open(path, { append: true, create: true, mode: 0o640 }),
      stderr: logAccess,
      after,
      now: () => performance.now(),
    });
    this.#supervisor = new Supervisor(log, 1, {
      takers: {
        onAccess: (batch) => this.#accessLog.take(batch),
        onShortage: (error) => this.#overload.shortage(error),
      },
      sockets: { migrates: options.migrates ?? false, held: predecessor?.places ?? [] },
    });
    this.#overload = new OverloadWatch({
      capacity: this.#supervisor.capacity,
      log,
      open: HAS_DESCRIPTOR_LIMIT ? openDescriptor : null,
      now: () => performance.now(),
    });
    this.#refusals = new RefusalWatch({
      listeners: () => this.#reloader.serving?.listeners.keys() ?? [],
      boards: this.#supervisor.boards,
      events: this.#events,
      now: () => performance.now(),
    });
    this.#rates = new RateHistory({
      counters: () =>
        [...this.#reloader.serving?.listeners.keys() ?? []].flatMap((name) => {
          const counted = this.#supervisor.boards.listener(name)?.traffic();
          return counted === undefined ? [] : [[name, counted] as const];
        }),
      now: () => performance.now(),
    });
    this.#names = new NameWatch({
      resolve: resolveName,
      after: (seconds, call) => after(seconds * 1000, call),
      now: () => new Date(),
      log,
      onChange: () => void this.#takeAddresses(),
    });
    this.#reloader = new Reloader({
      origin,
      log,
      processors: navigator.hardwareConcurrency,
      prepareNames: (names, dnsServers) => this.#names.prepare(names, dnsServers),
      prepareListeners: (changes, next) => this.#supervisor.prepare(changes, next),
      prepareGeneral: (before, next, source) => prepareGeneral(this.#general, { before, next, source }),
    });
    this.#reloader.carryOver(drainsOf(predecessor?.drained ?? []));
    this.#editor = new ConfigEditor({
      accepted: () => this.#accepted(),
      change: (request, done) => this.#change(request, done),
    });
    this.#certificateWatch = new CertificateWatch({
      system: watchSystem,
      log,
      read: (path) => Deno.readTextFile(path),
      renew: () => this.#reloader.renewCertificates(),
    });
    this.#door = new AdminDoor({
      view: () => this.#view(),
      reload: () => this.reload("api"),
      override: (scope, server, change) => this.#override(scope, server, change),
      change: (request, done) => this.#change(request, done),
      offerPlace: () => this.#givingWay.offer(),
      withdrawOffer: (id) => this.#givingWay.withdraw(id),
      giveWay: (id, to) => this.#givingWay.giveWay(id, to),
      editor: this.#editor,
      token: () => this.#reloader.serving?.admin.token ?? "",
      events: this.#events,
      log,
      rates: this.#rates,
      predecessor: predecessor?.admin ?? null,
      takenOffer: predecessor?.id ?? null,
      unsaveable: origin.storage === undefined ? `Nothing can be saved: Weir runs on ${origin.file}.` : null,
      every,
    });
    this.#givingWay = new GivingWay({
      reloader: this.#reloader,
      supervisor: this.#supervisor,
      door: this.#door,
      log,
      watchdogMicroseconds: options.watchdogMicroseconds ?? null,
      isStopping: () => this.#stopping !== undefined,
      end: (seconds, doorClosed) => this.#stopping = this.#end(seconds, doorClosed),
    });
    this.#general = {
      origin,
      accessLog: this.#accessLog,
      boards: this.#supervisor.boards,
      overload: this.#overload,
      certificateWatch: this.#certificateWatch,
      door: this.#door,
    };
  }

  /** The model that serves; `undefined` before the start. */
  get model(): Model | undefined {
    return this.#reloader.serving;
  }

  /**
   * Loads the configuration and starts serving.
   *
   * @throws {WeirError} when it cannot; nothing is left running then
   */
  async start(): Promise<void> {
    try {
      await this.#reloader.reload("start");
      this.#stopLooking.push(
        every(LOOK_EVERY_MS, () => {
          this.#refusals.look();
          this.#overload.look();
        }),
        every(LOOK_MS, () => this.#rates.look()),
      );
    } catch (error) {
      await this.#certificateWatch.close();
      this.#names.stop();
      await this.#supervisor.stop(0);
      this.#overload.release();
      await this.#accessLog.close();
      throw error;
    }
  }

  /**
   * Loads the configuration again, and opens the access log's file again. The old configuration serves on when it
   * cannot; the file is opened all the same.
   *
   * @throws {WeirError}
   */
  async reload(trigger: ReloadTrigger): Promise<ReloadReport> {
    try {
      return await this.#reloader.reload(trigger);
    } catch (error) {
      this.#log(
        "error",
        `The configuration was not reloaded; the old one serves on:\n${error instanceof Error ? error.message : error}`,
        { event: "reload_refused", trigger },
      );
      throw error;
    } finally {
      await this.#accessLog.reopen();
    }
  }

  async #override(scope: OverrideScope, server: string, change: ServerOverride): Promise<void> {
    await this.#reloader.adjust((overrides, serving) => withOverride(overrides, scope, server, change, serving));
    const owner = scope.kind === "group" ? `backend group "${scope.name}"` : `listener "${scope.name}"`;
    const { weight, draining } = change;
    const done = [
      ...(weight === undefined ? [] : [`has weight ${weight}`]),
      ...(draining === undefined ? [] : [draining ? "is drained" : "is not drained any more"]),
    ];
    this.#log("info", `Server ${server} of ${owner} ${done.join(" and ")}, by the admin API`, {
      event: "server_changed",
      server,
      [scope.kind]: scope.name,
    });
  }

  async #change(request: () => RequestedChange, done: () => string): Promise<ChangeReport> {
    const report = await this.#reloader.change(request);
    const where = report.persisted ? "saved" : "not saved: until the next reload";
    this.#log("info", `${done()}, by the admin API (${where})`, {
      event: "configuration_changed",
      persisted: report.persisted,
    });
    return report;
  }

  /** Host names have other addresses: the same configuration means other servers. */
  async #takeAddresses(): Promise<void> {
    try {
      await this.#reloader.adjust();
    } catch (error) {
      if (error instanceof WeirError && error.kind === "stopping") return;
      // The next change, or reload, takes them up.
      this.#log("warn", `The new addresses of server names were not taken up: ${messageOf(error)}`);
    }
  }

  /** Whether every listener accepts. */
  get ready(): boolean {
    return this.#supervisor.ready && this.#stopping === undefined;
  }

  /** Resolves when another process has taken this one's place; {@link stop} waits for the end then. */
  get givesWay(): Promise<void> {
    return this.#givingWay.done;
  }

  /** The Weir that this one replaces has closed its ports, or is about to. */
  predecessorGone(): void {
    this.#supervisor.predecessorGone();
    this.#door.predecessorGone();
  }

  /** Stops accepting, drains, stops the admin API last. */
  stop(): Promise<void> {
    return this.#stopping ??= this.#stop();
  }

  async #stop(): Promise<void> {
    const { drainTimeout: seconds, graceTime } = this.#reloader.serving ?? { drainTimeout: 0, graceTime: 0 };
    const grace = graceTime === 0 ? "" : `not ready, and accepting for ${graceTime} s more; then `;
    this.#log("info", `Stopping; ${grace}open connections have ${seconds} s to end`, { event: "stopping" });
    await new Promise((resolve) => setTimeout(resolve, graceTime * 1000));
    await this.#end(seconds);
  }

  /** @param doorClosed of an admin API that is closed already */
  async #end(seconds: number, doorClosed?: Promise<void>): Promise<void> {
    await this.#certificateWatch.close();
    this.#names.stop();
    await this.#reloader.close();
    await this.#supervisor.stop(seconds);
    for (const stop of this.#stopLooking) stop();
    this.#overload.release();
    await this.#accessLog.close();
    await (doorClosed ?? this.#door.close());
    this.#log("info", "Stopped");
    await flushLog();
  }

  #accepted(): AcceptedConfig {
    const { accepted } = this.#reloader;
    if (accepted === undefined) throw notServing();
    return accepted;
  }

  #view(): RuntimeView {
    const { serving: model } = this.#reloader;
    const accepted = this.#accepted();
    if (model === undefined) throw notServing();
    const supervisor = this.#supervisor;
    return {
      version: VERSION,
      startedAt: this.#startedAt,
      takenAt: new Date(),
      configFile: this.#origin.file,
      accepted,
      model,
      boards: supervisor.boards,
      lastReload: this.#reloader.last,
      lastRenewal: this.#reloader.lastRenewal,
      workers: supervisor.workers,
      draining: supervisor.draining,
      workerDeaths: supervisor.deaths,
      drains: supervisor.drains,
      capacity: supervisor.capacity,
      accessLogDropped: this.#accessLog.dropped,
      ready: this.ready,
      names: this.#names.states,
      stateOf: (listener) => supervisor.stateOf(listener),
      threadsOf: (listener) => supervisor.threadsOf(listener),
      healthOf: (listener, server) => supervisor.health.get(listener, server),
    };
  }
}

function notServing(): Error {
  return new Error("The admin API was asked before anything served");
}

function every(milliseconds: number, call: () => void): () => void {
  const timer = setInterval(call, milliseconds);
  return () => clearInterval(timer);
}

function after(milliseconds: number, call: () => void): () => void {
  const timer = setTimeout(call, milliseconds);
  return () => clearTimeout(timer);
}
