/**
 * The composition root: builds the parts, starts them, hears signals, and stops them in order. There are no other
 * globals.
 *
 * @module
 */

import { AccessLog } from "./access_log/access_log.ts";
import type { RuntimeView } from "./admin/views.ts";
import { AdminDoor } from "./app/admin_door.ts";
import { Changes } from "./app/changes.ts";
import { type GeneralContext, prepareGeneral } from "./app/general_settings.ts";
import { GivingWay } from "./app/giving_way.ts";
import { acceptedBy, viewOf } from "./app/runtime_view.ts";
import { LOOK_MS, RateHistory } from "./console/rate_history.ts";
import type { ConfigOrigin } from "./config/load.ts";
import type { Model } from "./config/model.ts";
import { drainsOf } from "./config/runtime.ts";
import type { ReloadReport, ReloadTrigger } from "./control/change_reports.ts";
import { EventLog, recordingLog } from "./control/event_log.ts";
import { HAS_DESCRIPTOR_LIMIT, openDescriptor } from "./control/descriptors.ts";
import { OverloadWatch } from "./control/overload_watch.ts";
import { LOOK_EVERY_MS, RefusalWatch } from "./control/refusal_watch.ts";
import { ConfigEditor } from "./control/config_editor.ts";
import { CertificateWatch } from "./control/certificate_watch.ts";
import { NameWatch } from "./control/name_watch.ts";
import { Reloader } from "./control/reload.ts";
import type { Offer } from "./control/succession.ts";
import { Supervisor } from "./control/supervisor.ts";
import { watchSystem } from "./control/watch_system.ts";
import { flushLog, type Log, log as writeLog, logAccess } from "./log.ts";
import { resolveName } from "./net/resolve_name.ts";

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
  readonly #changes: Changes;
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
      onChange: () => void this.#changes.takeAddresses(),
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
    this.#changes = new Changes({ reloader: this.#reloader, accessLog: this.#accessLog, log });
    this.#editor = new ConfigEditor({
      accepted: () => acceptedBy(this.#reloader),
      change: (request, done) => this.#changes.change(request, done),
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
      override: (scope, server, change) => this.#changes.override(scope, server, change),
      change: (request, done) => this.#changes.change(request, done),
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
  reload(trigger: ReloadTrigger): Promise<ReloadReport> {
    return this.#changes.reload(trigger);
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

  #view(): RuntimeView {
    return viewOf({
      origin: this.#origin,
      reloader: this.#reloader,
      supervisor: this.#supervisor,
      accessLog: this.#accessLog,
      names: this.#names,
      startedAt: this.#startedAt,
      ready: this.ready,
    });
  }
}

function every(milliseconds: number, call: () => void): () => void {
  const timer = setInterval(call, milliseconds);
  return () => clearInterval(timer);
}

function after(milliseconds: number, call: () => void): () => void {
  const timer = setTimeout(call, milliseconds);
  return () => clearTimeout(timer);
}
