/**
 * The composition root: builds the parts, starts them, hears signals, and stops them in order. There are no other
 * globals.
 *
 * @module
 */

import { createAdminApi } from "./admin/api.ts";
import { type AdminServer, serveAdmin } from "./admin/server.ts";
import type { RuntimeView } from "./admin/views.ts";
import { sameData } from "./config/diff.ts";
import type { ConfigOrigin } from "./config/load.ts";
import type { Model } from "./config/model.ts";
import { type OverrideScope, type ServerOverride, withOverride } from "./config/runtime.ts";
import { addressesOverlap } from "./config/rules.ts";
import { CertificateWatch } from "./control/certificate_watch.ts";
import { NameWatch } from "./control/name_watch.ts";
import { Reloader, type ReloadReport, type ReloadTrigger } from "./control/reload.ts";
import { type PreparedChange, Supervisor } from "./control/supervisor.ts";
import { watchSystem } from "./control/watch_system.ts";
import { messageOf, WeirError } from "./errors.ts";
import { configureLog, flushLog, log } from "./log.ts";
import { formatEndpoint } from "./net/ip.ts";
import type { ListenAddress } from "./net/listen.ts";
import { resolveName } from "./net/resolve_name.ts";
import { VERSION } from "./version.ts";

/** A running load balancer. */
export class App {
  readonly #origin: ConfigOrigin;
  readonly #supervisor: Supervisor;
  readonly #reloader: Reloader;
  readonly #certificateWatch: CertificateWatch;
  readonly #names: NameWatch;
  readonly #startedAt = new Date();
  #admin: AdminServer | undefined;
  #stopping: Promise<void> | undefined;

  /** @param origin where the configuration comes from */
  constructor(origin: ConfigOrigin) {
    this.#origin = origin;
    this.#supervisor = new Supervisor(log, 1);
    this.#names = new NameWatch({
      resolve: resolveName,
      after: (seconds, call) => {
        const timer = setTimeout(call, seconds * 1000);
        return () => clearTimeout(timer);
      },
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
      prepareGeneral: (before, next) => this.#prepareGeneral(before, next),
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
    } catch (error) {
      await this.#certificateWatch.close();
      this.#names.stop();
      await this.#supervisor.stop(0);
      throw error;
    }
  }

  /** Loads the configuration again. The old one serves on when it cannot. @throws {WeirError} */
  async reload(trigger: ReloadTrigger): Promise<ReloadReport> {
    try {
      return await this.#reloader.reload(trigger);
    } catch (error) {
      log(
        "error",
        `The configuration was not reloaded; the old one serves on:\n${error instanceof Error ? error.message : error}`,
      );
      throw error;
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
    log("info", `Server ${server} of ${owner} ${done.join(" and ")}, by the admin API`, { server });
  }

  /** Host names have other addresses: the same configuration means other servers. */
  async #takeAddresses(): Promise<void> {
    try {
      await this.#reloader.adjust();
    } catch (error) {
      if (error instanceof WeirError && error.kind === "stopping") return;
      // The next change, or reload, takes them up.
      log("warn", `The new addresses of server names were not taken up: ${messageOf(error)}`);
    }
  }

  /** Stops accepting, drains, stops the admin API last. */
  stop(): Promise<void> {
    return this.#stopping ??= this.#stop();
  }

  async #stop(): Promise<void> {
    const seconds = this.#reloader.serving?.drainTimeout ?? 0;
    log("info", `Stopping; open connections have ${seconds} s to end`);
    await this.#certificateWatch.close();
    this.#names.stop();
    await this.#reloader.close();
    await this.#supervisor.stop(seconds);
    await this.#admin?.close();
    log("info", "Stopped");
    await flushLog();
  }

  /** Logging and the admin API: got ready first, so that a bad address refuses the change as a whole. */
  async #prepareGeneral(before: Model | undefined, next: Model): Promise<PreparedChange> {
    if (before === undefined) await configureLog(next.log);
    const moved = before === undefined || !sameData(before.admin.listen, next.admin.listen);
    const serving = { yet: false };
    const server = moved && next.admin.listen !== null ? this.#serveAdmin(next.admin.listen, serving) : undefined;
    return {
      abort: async () => {
        await server?.close();
      },
      commit: async () => {
        if (before !== undefined && !sameData(before.log, next.log)) await configureLog(next.log);
        this.#certificateWatch.follow(this.#certificateFiles(next));
        if (!moved) return;
        const old = this.#admin;
        this.#admin = server;
        serving.yet = true;
        if (server !== undefined) {
          log("info", `The admin API listens on http://${formatEndpoint(server.address, server.port)}`);
        }
        // Not awaited: the request that asked for this reload may be one of those it finishes.
        old?.close().catch((error) => log("warn", `The old admin API did not close: ${error}`));
      },
    };
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
    const api = createAdminApi({
      view: () => this.#view(),
      reload: () => this.reload("api"),
      override: (scope, server, change) => this.#override(scope, server, change),
      token: () => this.#reloader.serving?.admin.token ?? "",
      log,
    });
    return serveAdmin(at, (request) => serving.yet ? api.fetch(request) : starting());
  }

  #view(): RuntimeView {
    const model = this.#reloader.serving;
    if (model === undefined) throw new Error("The admin API was asked before anything served");
    const supervisor = this.#supervisor;
    return {
      version: VERSION,
      startedAt: this.#startedAt,
      takenAt: new Date(),
      configFile: this.#origin.file,
      model,
      boards: supervisor.boards,
      lastReload: this.#reloader.last,
      lastRenewal: this.#reloader.lastRenewal,
      workers: supervisor.workers,
      draining: supervisor.draining,
      ready: supervisor.ready && this.#stopping === undefined,
      names: this.#names.states,
      stateOf: (listener) => supervisor.stateOf(listener),
      threadsOf: (listener) => supervisor.threadsOf(listener),
      healthOf: (listener, server) => supervisor.health.get(listener, server),
    };
  }
}

/** The answer of an address whose configuration does not serve yet, when not even its token does. */
function starting(): Response {
  return new Response("starting\n", { status: 503 });
}
