/**
 * The composition root: builds the parts, starts them, hears signals, and stops them in order. There are no other
 * globals.
 *
 * @module
 */

import { AccessLog, appendReason, type PreparedAccessLog } from "./access_log/access_log.ts";
import type { AccessFormat } from "./access_log/render.ts";
import { type AdminDependencies, createAdminApi } from "./admin/api.ts";
import { type AdminServer, serveAdmin } from "./admin/server.ts";
import type { RuntimeView } from "./admin/views.ts";
import type { AcceptedConfig } from "./config/accepted.ts";
import { sameData } from "./config/diff.ts";
import { createConsole, isApiPath } from "./console/console.tsx";
import { LiveStreams } from "./console/live_streams.ts";
import { LOOK_MS, RateHistory } from "./console/rate_history.ts";
import type { ConfigOrigin } from "./config/load.ts";
import { placeFindings } from "./config/findings.ts";
import type { AccessLogPlan, Model } from "./config/model.ts";
import { type OverrideScope, type ServerOverride, withOverride } from "./config/runtime.ts";
import { addressesOverlap } from "./config/rules.ts";
import { EventStreams } from "./admin/event_streams.ts";
import { EventLog, recordingLog } from "./control/event_log.ts";
import { HAS_DESCRIPTOR_LIMIT, openDescriptor } from "./control/descriptors.ts";
import { OverloadWatch } from "./control/overload_watch.ts";
import { LOOK_EVERY_MS, RefusalWatch } from "./control/refusal_watch.ts";
import type { ConfigSource } from "./config/source.ts";
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
import { type PreparedChange, Supervisor } from "./control/supervisor.ts";
import { watchSystem } from "./control/watch_system.ts";
import { ConfigError, messageOf, WeirError } from "./errors.ts";
import { configureLog, flushLog, isTextOnStderr, type Log, log as writeLog, logAccess } from "./log.ts";
import { formatEndpoint } from "./net/ip.ts";
import type { ListenAddress } from "./net/listen.ts";
import { resolveName } from "./net/resolve_name.ts";
import { VERSION } from "./version.ts";

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
  #admin: AdminServer | undefined;
  #stopping: Promise<void> | undefined;

  /** @param origin where the configuration comes from */
  constructor(origin: ConfigOrigin) {
    this.#origin = origin;
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
      onAccess: (batch) => this.#accessLog.take(batch),
      onShortage: (error) => this.#overload.shortage(error),
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
      prepareGeneral: (before, next, source) => this.#prepareGeneral(before, next, source),
    });
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

  /** Stops accepting, drains, stops the admin API last. */
  stop(): Promise<void> {
    return this.#stopping ??= this.#stop();
  }

  async #stop(): Promise<void> {
    const { drainTimeout: seconds, graceTime } = this.#reloader.serving ?? { drainTimeout: 0, graceTime: 0 };
    const grace = graceTime === 0 ? "" : `not ready, and accepting for ${graceTime} s more; then `;
    this.#log("info", `Stopping; ${grace}open connections have ${seconds} s to end`, { event: "stopping" });
    await new Promise((resolve) => setTimeout(resolve, graceTime * 1000));
    await this.#certificateWatch.close();
    this.#names.stop();
    await this.#reloader.close();
    await this.#supervisor.stop(seconds);
    for (const stop of this.#stopLooking) stop();
    this.#overload.release();
    await this.#accessLog.close();
    await this.#admin?.close();
    this.#log("info", "Stopped");
    await flushLog();
  }

  /** Logging and the admin API: got ready first, so that a bad address refuses the change as a whole. */
  async #prepareGeneral(before: Model | undefined, next: Model, source: ConfigSource): Promise<PreparedChange> {
    if (before === undefined) {
      await configureLog(next.log);
      this.#overload.plan(next);
    }
    const accessLog = await this.#prepareAccessLog(next, source);
    const takeUpAccessLog = () => {
      this.#supervisor.boards.accessFormat = accessFormat(next.log.access);
      return accessLog.commit();
    };
    // Before the first client: nobody is to be missed.
    if (before === undefined) await takeUpAccessLog();
    const moved = before === undefined || !sameData(before.admin.listen, next.admin.listen);
    const serving = { yet: false };
    let server: AdminServer | undefined;
    try {
      server = moved && next.admin.listen !== null ? this.#serveAdmin(next.admin.listen, serving) : undefined;
    } catch (error) {
      await accessLog.abort();
      throw error;
    }
    return {
      abort: async () => {
        await accessLog.abort();
        await server?.close();
      },
      commit: async () => {
        await takeUpAccessLog();
        if (before !== undefined && !sameData(before.log, next.log)) await configureLog(next.log);
        if (before !== undefined) this.#overload.plan(next);
        this.#certificateWatch.follow(this.#certificateFiles(next));
        if (!moved) return;
        const old = this.#admin;
        this.#admin = server;
        serving.yet = true;
        if (server !== undefined) {
          this.#log("info", `The admin API listens on http://${formatEndpoint(server.address, server.port)}`);
        }
        // Not awaited: the request that asked for this reload may be one of those it finishes.
        old?.close().catch((error) => this.#log("warn", `The old admin API did not close: ${error}`));
      },
    };
  }

  /** Opens the access log's file, when it is another one. @throws {ConfigError} */
  async #prepareAccessLog({ log: { access } }: Model, source: ConfigSource): Promise<PreparedAccessLog> {
    try {
      return await this.#accessLog.prepare(
        access === null ? null : { file: access.file === null ? null : this.#origin.locate(access.file) },
      );
    } catch (error) {
      const message = `cannot be opened for appending: ${appendReason(error)}, got ${JSON.stringify(access?.file)}`;
      throw new ConfigError(placeFindings(source, [{ path: ["log", "accessFile"], message }]));
    }
  }

  /** What the certificate files of a model held, by absolute path; nothing when they are not watched. */
  #certificateFiles({ watchCertificates, certificates, clientCAs }: Model): Map<string, string> {
    const entries = watchCertificates ? [...certificates.values(), ...clientCAs.values()] : [];
    return new Map(
      entries.flatMap(({ files }) => files.map(({ path, hash }) => [this.#origin.locate(path), hash] as const)),
    );
  }

  /** @param serving until then the address answers nothing: the token in force may be that of another address */
  #serveAdmin(at: ListenAddress, serving: { readonly yet: boolean }): AdminServer {
    const old = this.#admin;
    if (old !== undefined && old.port === at.port && addressesOverlap(old.address, at.address)) {
      const where = formatEndpoint(at.address, at.port);
      throw new WeirError(
        "bind_failed",
        `The admin API cannot move to ${where} while it listens on ${
          formatEndpoint(old.address, old.port)
        }; restart Weir, or move it to another port first`,
      );
    }
    const streams = new EventStreams({ events: this.#events, every });
    const liveStreams = new LiveStreams({ events: this.#events, every });
    const shared = {
      view: () => this.#view(),
      reload: () => this.reload("api"),
      override: (scope, server, change) => this.#override(scope, server, change),
      change: (request, done) => this.#change(request, done),
      editor: this.#editor,
      token: () => this.#reloader.serving?.admin.token ?? "",
      events: this.#events,
      log: this.#log,
    } satisfies Partial<AdminDependencies>;
    const api = createAdminApi({ ...shared, eventStreams: streams });
    const { storage, file } = this.#origin;
    const console = createConsole({
      ...shared,
      rates: this.#rates,
      streams: liveStreams,
      unsaveable: storage === undefined ? `Nothing can be saved: Weir runs on ${file}.` : null,
    });
    const server = serveAdmin(at, (request, address) => {
      if (!serving.yet) return starting();
      return isApiPath(new URL(request.url).pathname) ? api.fetch(request) : console.fetch(request, { address });
    }, this.#log);
    return {
      ...server,
      close: () => {
        streams.close();
        liveStreams.close();
        return server.close();
      },
    };
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
      ready: supervisor.ready && this.#stopping === undefined,
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

/** `auto` means JSON in a file. */
function accessFormat(plan: AccessLogPlan | null): AccessFormat | null {
  if (plan === null) return null;
  const isText = plan.file === null ? isTextOnStderr(plan.format) : plan.format === "text";
  return isText ? "text" : "json";
}

function after(milliseconds: number, call: () => void): () => void {
  const timer = setTimeout(call, milliseconds);
  return () => clearTimeout(timer);
}

/** The answer of an address whose configuration does not serve yet, when not even its token does. */
function starting(): Response {
  return new Response("starting\n", { status: 503 });
}
