/**
 * What changes while the program runs, and the line of the log about it: reloads, changes through the admin API, and
 * addresses of servers that are other ones now.
 *
 * @module
 */

import type { AccessLog } from "../access_log/access_log.ts";
import { type OverrideScope, type ServerOverride, withOverride } from "../config/runtime.ts";
import type { ChangeReport, ReloadReport, ReloadTrigger, RequestedChange } from "../control/change_reports.ts";
import type { Reloader } from "../control/reload.ts";
import { messageOf, WeirError } from "../errors.ts";
import type { Log } from "../log.ts";

/** Who carries changes out, and where they are told. */
export interface ChangesContext {
  readonly reloader: Pick<Reloader, "reload" | "adjust" | "change">;
  readonly accessLog: Pick<AccessLog, "reopen">;
  readonly log: Log;
}

/** Carries changes out. */
export class Changes {
  readonly #context: ChangesContext;

  /** @param context who carries them out */
  constructor(context: ChangesContext) {
    this.#context = context;
  }

  /**
   * Loads the configuration again, and opens the access log's file again, also when the old configuration serves on.
   *
   * @throws {ConfigError} when the configuration is not valid
   * @throws {WeirError} when it cannot be read, or cannot be carried out
   */
  async reload(trigger: ReloadTrigger): Promise<ReloadReport> {
    const { reloader, accessLog, log } = this.#context;
    try {
      return await reloader.reload(trigger);
    } catch (error) {
      log("error", `The configuration was not reloaded; the old one serves on:\n${messageOf(error)}`, {
        event: "reload_refused",
        trigger,
      });
      throw error;
    } finally {
      await accessLog.reopen();
    }
  }

  /**
   * Sets a server's weight, or whether it is drained, until the next reload at least.
   *
   * @throws {WeirError} when it cannot be carried out
   */
  async override(scope: OverrideScope, server: string, change: ServerOverride): Promise<void> {
    const { reloader, log } = this.#context;
    await reloader.adjust((overrides, serving) => withOverride(overrides, scope, server, change, serving));
    const owner = scope.kind === "group" ? `backend group "${scope.name}"` : `listener "${scope.name}"`;
    const { weight, draining } = change;
    const done = [
      ...(weight === undefined ? [] : [`has weight ${weight}`]),
      ...(draining === undefined ? [] : [draining ? "is drained" : "is not drained any more"]),
    ];
    log("info", `Server ${server} of ${owner} ${done.join(" and ")}, by the admin API`, {
      event: "server_changed",
      server,
      [scope.kind]: scope.name,
    });
  }

  /**
   * Changes the configuration that serves, and its file if that is asked for.
   *
   * @param done what was done, for the log; asked for afterwards
   * @throws {ConfigError} when the configuration would not be valid
   * @throws {WeirError} when it cannot be written or carried out
   */
  async change(request: () => RequestedChange, done: () => string): Promise<ChangeReport> {
    const { reloader, log } = this.#context;
    const report = await reloader.change(request);
    const where = report.persisted ? "saved" : "not saved: until the next reload";
    log("info", `${done()}, by the admin API (${where})`, {
      event: "configuration_changed",
      persisted: report.persisted,
    });
    return report;
  }

  /** Host names have other addresses: the same configuration means other servers. Never rejects. */
  async takeAddresses(): Promise<void> {
    const { reloader, log } = this.#context;
    try {
      await reloader.adjust();
    } catch (error) {
      if (error instanceof WeirError && error.kind === "stopping") return;
      // The next change, or reload, takes them up.
      log("warn", `The new addresses of server names were not taken up: ${messageOf(error)}`);
    }
  }
}
