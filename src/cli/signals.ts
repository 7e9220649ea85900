/**
 * A running program hears signals: SIGHUP reloads, SIGTERM and SIGINT drain and stop, a second one stops at once.
 *
 * @module
 */

import type { App } from "../app.ts";
import { log } from "../log.ts";
import { EXIT } from "./command.ts";
import { ServiceManager } from "./service_manager.ts";

/** Seconds that stopping takes beside what the configuration gives it, at most. */
const STOP_MARGIN = 10;

/**
 * Starts the app and serves until a signal ends it. Signals are heard from the beginning: one that comes while it
 * starts waits for the start.
 *
 * @param onStarted what to do once it serves
 * @returns the exit code
 * @throws {WeirError} when it cannot start
 */
export async function serveUntilSignal(app: App, onStarted: () => Promise<void> = async () => {}): Promise<number> {
  using manager = new ServiceManager(log);
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
        log("error", `Stopping failed: ${error}`);
        resolve(EXIT.failed);
      });
    };
    Deno.addSignalListener("SIGINT", stop);
    // Windows knows neither of these.
    if (Deno.build.os === "windows") return;
    Deno.addSignalListener("SIGTERM", stop);
    Deno.addSignalListener("SIGHUP", () => {
      // A failed reload is logged by the app; the old configuration serves on.
      if (!stopping) app.reload("signal").catch(() => {});
    });
  });
  await app.start();
  await manager.ready();
  await onStarted();
  return await stopped;
}
