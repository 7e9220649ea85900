/**
 * A running program hears signals: SIGHUP reloads, SIGTERM and SIGINT drain and stop, a second one stops at once.
 *
 * @module
 */

import type { App } from "../app.ts";
import { messageOf } from "../errors.ts";
import { log } from "../log.ts";
import { EXIT } from "./command.ts";
import { ServiceManager } from "./service_manager.ts";

/** Seconds that stopping takes beside what the configuration gives it, at most. */
const STOP_MARGIN = 10;

/** What is to be done about a running Weir that is replaced. */
export interface PredecessorDuty {
  readonly process: number;
  /** Waits until this one may take over. Throws when it may not. */
  ready(): Promise<void>;
  /** Has that one give way. Throws when it does not. */
  takeOver(): Promise<void>;
}

/** What else is to be done when the app serves. */
export interface ServingOptions {
  /** Who is told how it is going; disposed of at the end. */
  readonly manager?: ServiceManager;
  /** What to do once it serves. */
  readonly onStarted?: () => Promise<void>;
  /** The running Weir that it replaces. */
  readonly predecessor?: PredecessorDuty;
}

/**
 * Starts the app and serves until a signal ends it, or another process takes its place. Signals are heard from the
 * beginning: one that comes while it starts waits for the start.
 *
 * @returns the exit code
 * @throws {WeirError} when it cannot start, or the Weir that it replaces does not give way
 */
export async function serveUntilSignal(
  app: App,
  { manager: given = new ServiceManager(log), onStarted, predecessor }: ServingOptions = {},
): Promise<number> {
  using manager = given;
  using heard = new DisposableStack();
  const hear = (signal: Deno.Signal, call: () => void) => {
    Deno.addSignalListener(signal, call);
    heard.defer(() => Deno.removeSignalListener(signal, call));
  };
  const stopped = new Promise<number>((resolve) => {
    let stopping = false;
    const stop = () => {
      if (stopping) {
        log("warn", "Stopping at once");
        Deno.exit(EXIT.failed);
      }
      stopping = true;
      const { graceTime, drainTimeout } = app.model ?? { graceTime: 0, drainTimeout: 0 };
      void manager.stopping(graceTime + drainTimeout + STOP_MARGIN);
      app.stop().then(() => resolve(EXIT.done), (error) => {
        log("error", `Stopping failed: ${messageOf(error)}`);
        resolve(EXIT.failed);
      });
    };
    hear("SIGINT", stop);
    // Windows knows neither of these.
    if (Deno.build.os === "windows") return;
    hear("SIGTERM", stop);
    hear("SIGHUP", () => {
      // A failed reload is logged by the app; the old configuration serves on.
      if (!stopping) app.reload("signal").catch(() => {});
    });
  });
  await app.start();
  if (predecessor === undefined) await manager.ready();
  else await takeOver(app, manager, predecessor);
  await onStarted?.();
  const replaced = app.givesWay.then(async () => {
    manager.giveWay();
    await app.stop();
    return EXIT.done;
  });
  return await Promise.race([stopped, replaced]);
}

async function takeOver(
  app: App,
  manager: ServiceManager,
  predecessor: PredecessorDuty,
): Promise<void> {
  try {
    await predecessor.ready();
    // Before that one ends: the service would have ended with it.
    await manager.ready(true);
    await predecessor.takeOver();
  } catch (error) {
    await manager.handBack(predecessor.process);
    await app.stop();
    throw error;
  }
  app.predecessorGone();
}
