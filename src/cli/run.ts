/** `weir run`: serve until told to stop, maybe in place of a Weir that runs already. @module */

import { App } from "../app.ts";
import { type ConfigOrigin, fileOrigin } from "../config/load.ts";
import { messageOf, WeirError } from "../errors.ts";
import { log } from "../log.ts";
import { clientsMigrate } from "../net/migration.ts";
import { ADMIN_FLAGS } from "./admin_client.ts";
import { type Command, CONFIG_FLAG, type Given, usage } from "./command.ts";
import { configFile } from "./config_file.ts";
import { print } from "./output.ts";
import { Predecessor } from "./predecessor.ts";
import { ServiceManager, watchdogMicroseconds } from "./service_manager.ts";
import { serveUntilSignal } from "./signals.ts";

/** Seconds that listeners get to accept before the running Weir is asked to give way. */
const READY_SECONDS = 30;

/** The command. */
export const runCommand: Command = {
  name: "run",
  summary: "Serve as the configuration says, until SIGTERM or SIGINT. SIGHUP reads it again.",
  usage: "[-c FILE] [--replace [--admin URL] [--token TOKEN]]",
  flags: [
    CONFIG_FLAG,
    {
      name: "replace",
      help:
        "take the place of the Weir that runs: listen beside it, then have it finish what it has; on any error it " +
        "serves on",
    },
    ...ADMIN_FLAGS.map((flag) => ({
      ...flag,
      help: flag.name === "admin"
        ? "with --replace: where the running Weir's admin API is (default: admin.listen)"
        : "with --replace: its token (default: admin.token)",
    })),
  ],
  maxRest: 0,
  run: async (given) => {
    const origin = fileOrigin(configFile(given));
    if (given.switches.has("replace")) return await replace(given, origin);
    for (const { name } of ADMIN_FLAGS) if (given.values.has(name)) throw usage(`--${name} goes with --replace only`);
    const migrates = await clientsMigrate();
    return await serveUntilSignal(new App(origin, { migrates, watchdogMicroseconds: watchdogMicroseconds() }));
  },
};

async function replace(given: Given, origin: ConfigOrigin): Promise<number> {
  if (Deno.build.os !== "linux") {
    throw usage("--replace needs Linux, where two processes can listen on a port; restart Weir instead");
  }
  const predecessor = await Predecessor.find(given, origin.load().config);
  const { offer } = predecessor;
  const migrates = await clientsMigrate();
  const app = new App(origin, { predecessor: offer, migrates, watchdogMicroseconds: offer.watchdogMicroseconds });
  const who = `Weir ${offer.version}, process ${offer.process}`;
  let tookOver = false;
  try {
    return await serveUntilSignal(app, {
      manager: new ServiceManager(log, { watchdog: offer.watchdogMicroseconds }),
      predecessor: {
        process: offer.process,
        ready: () => untilReady(app),
        takeOver: async () => {
          const givesWay = await predecessor.takeOver();
          tookOver = true;
          if (givesWay) log("info", `Took over from ${who}, which finishes what it has`);
          else {
            const rest =
              `should process ${offer.process} still run and not end by itself, end it: kill ${offer.process}`;
            log("warn", `Took over from ${who}, which does not listen any more; ${rest}`);
          }
          // For scripts that start this in the background.
          try {
            print(`Took over from ${who}`);
          } catch (error) {
            // Ending now would leave nobody.
            log("warn", messageOf(error));
          }
        },
      },
    });
  } catch (error) {
    if (tookOver) throw error;
    await predecessor.giveUp();
    if (error instanceof WeirError && error.kind === "bind_failed") {
      throw new WeirError("bind_failed", `${messageOf(error)}; nothing was replaced: ${who} serves on`, {
        cause: error,
      });
    }
    throw error;
  }
}

async function untilReady(app: App): Promise<void> {
  const end = performance.now() + READY_SECONDS * 1000;
  while (!app.ready) {
    if (performance.now() > end) {
      throw new WeirError("worker_failed", `Not every listener accepts after ${READY_SECONDS} s; nothing was replaced`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
