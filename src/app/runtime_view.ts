/**
 * The running program at one moment, as the admin API and the console show it.
 *
 * @module
 */

import type { AccessLog } from "../access_log/access_log.ts";
import type { RuntimeView } from "../admin/views.ts";
import type { AcceptedConfig } from "../config/accepted.ts";
import type { ConfigOrigin } from "../config/load.ts";
import type { NameWatch } from "../control/name_watch.ts";
import type { Reloader } from "../control/reload.ts";
import type { Supervisor } from "../control/supervisor.ts";
import { VERSION } from "../version.ts";

/** The parts that are shown. */
export interface ShownParts {
  readonly origin: Pick<ConfigOrigin, "file">;
  readonly reloader: Pick<Reloader, "serving" | "accepted" | "last" | "lastRenewal">;
  readonly supervisor: Supervisor;
  readonly accessLog: Pick<AccessLog, "dropped">;
  readonly names: Pick<NameWatch, "states">;
  readonly startedAt: Date;
  /** Whether every listener accepts, and nothing ends. */
  readonly ready: boolean;
}

/** All that there is to see. The admin API asks for it only after the first configuration serves. */
export function viewOf({ origin, reloader, supervisor, accessLog, names, startedAt, ready }: ShownParts): RuntimeView {
  const accepted = acceptedBy(reloader);
  const { serving: model } = reloader;
  if (model === undefined) throw notServing();
  return {
    version: VERSION,
    startedAt,
    takenAt: new Date(),
    configFile: origin.file,
    accepted,
    model,
    boards: supervisor.boards,
    lastReload: reloader.last,
    lastRenewal: reloader.lastRenewal,
    workers: supervisor.workers,
    draining: supervisor.draining,
    workerDeaths: supervisor.deaths,
    drains: supervisor.drains,
    capacity: supervisor.capacity,
    accessLogDropped: accessLog.dropped,
    ready,
    names: names.states,
    stateOf: (listener) => supervisor.stateOf(listener),
    threadsOf: (listener) => supervisor.threadsOf(listener),
    healthOf: (listener, server) => supervisor.health.get(listener, server),
  };
}

/** The configuration that serves, for those who come when one does. */
export function acceptedBy({ accepted }: Pick<Reloader, "accepted">): AcceptedConfig {
  if (accepted === undefined) throw notServing();
  return accepted;
}

function notServing(): Error {
  return new Error("The admin API was asked before anything served");
}
