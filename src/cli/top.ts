/** `weir top`: what is going on, live? @module */

import { z } from "zod";
import { listenerSchema, statusSchema } from "../admin/schemas.ts";
import { messageOf, WeirError } from "../errors.ts";
import { ADMIN_FLAGS } from "./admin_client.ts";
import { type Command, EXIT, type Given, JSON_FLAG, usage } from "./command.ts";
import { colour, print } from "./output.ts";
import { readAdmin } from "./read_admin.ts";
import { drawFrame, type FrameSize } from "./top/frame.ts";
import { type Look, ratesBetween, SORT_KEYS, type SortKey } from "./top/rates.ts";
import { Screen } from "./top/screen.ts";

const listenersSchema = z.object({ listeners: z.array(listenerSchema) });

/** Seconds between two looks. */
const INTERVAL = { default: 1, min: 0.2, max: 3600 } as const;

/** Keys that end it: q, and Ctrl-C where the terminal sends it as a key. */
const END_KEYS: ReadonlySet<string> = new Set(["q", "Q", "\x03"]);

interface TopOptions {
  /** Seconds. */
  readonly interval: number;
  readonly sort: SortKey;
}

/** The command. */
export const topCommand: Command = {
  name: "top",
  summary: "Watch listeners and servers of a running Weir, live.",
  usage: "[--interval SECONDS] [--sort KEY] [--once] [--json] [--admin URL] [--token TOKEN]",
  flags: [
    { name: "interval", value: "SECONDS", help: `between two looks, ${INTERVAL.min}-${INTERVAL.max} (default: 1)` },
    {
      name: "sort",
      value: "KEY",
      takes: { kind: "words", words: SORT_KEYS },
      help: `what comes first: ${SORT_KEYS.join(", ")} (default: traffic)`,
    },
    { name: "once", help: "show one picture and end, as where standard output is no terminal" },
    ...ADMIN_FLAGS,
    { ...JSON_FLAG, help: "print one JSON object a line, for each interval" },
  ],
  maxRest: 0,
  run: async (given) => {
    const options: TopOptions = { interval: intervalOf(given), sort: sortKeyOf(given) };
    const once = given.switches.has("once");
    if (given.switches.has("json")) await printLines(given, options, once);
    else if (once || !Deno.stdout.isTerminal()) await showOnce(given, options);
    else await showLive(given, options);
    return EXIT.done;
  },
};

/** One look. @throws {WeirError} `admin_unreachable` */
async function look(given: Given): Promise<Look> {
  const status = await readAdmin(given, "/v1/status", statusSchema);
  const { listeners } = await readAdmin(given, "/v1/listeners", listenersSchema);
  return { at: performance.now() / 1000, status, listeners };
}

async function showOnce(given: Given, { interval, sort }: TopOptions): Promise<void> {
  const before = await look(given);
  await pause(interval);
  const now = await look(given);
  const note = { text: `Over the last ${formatSeconds(interval)}, by ${sort}`, isError: false };
  print(drawFrame({ look: now, rates: ratesBetween(before, now, sort), note, paint: colour }).join("\n"));
}

async function printLines(given: Given, { interval, sort }: TopOptions, once: boolean): Promise<void> {
  let before = await look(given);
  for (;;) {
    await pause(interval);
    const now = await look(given);
    const { version, ready, uptimeSeconds } = now.status;
    const line = JSON.stringify({
      at: new Date().toISOString(),
      seconds: now.at - before.at,
      version,
      ready,
      uptimeSeconds,
      ...ratesBetween(before, now, sort),
    });
    // Ends when its reader has had enough: `weir top --json | head -1`
    if (!print(line) || once) return;
    before = now;
  }
}

async function showLive(given: Given, { interval, sort }: TopOptions): Promise<void> {
  // Fails here, on the ordinary screen, when nobody is there to be watched.
  let now = await look(given);
  let before: Look | undefined;
  let error: string | undefined;
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  let isOver = false;
  void ended.then(() => isOver = true);
  using _signals = onSignals(end);
  using screen = new Screen((key) => {
    if (END_KEYS.has(key)) end();
  });
  while (!isOver) {
    const text = error ?? `Every ${formatSeconds(interval)}, by ${sort}; q ends`;
    const rates = ratesBetween(before, now, sort);
    const size: FrameSize = screen.size;
    screen.draw(drawFrame({ look: now, rates, note: { text, isError: error !== undefined }, paint: colour }, size));
    await Promise.race([pause(interval), ended]);
    if (isOver) return;
    try {
      const next = await Promise.race([look(given), ended]);
      if (next === undefined) return;
      [before, now, error] = [now, next, undefined];
    } catch (failure) {
      if (!(failure instanceof WeirError)) throw failure;
      error = messageOf(failure);
    }
  }
}

/** Ends in order on signals, so that the terminal is put back. */
function onSignals(end: () => void): Disposable {
  const signals: readonly Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM", "SIGHUP"];
  for (const signal of signals) Deno.addSignalListener(signal, end);
  return {
    [Symbol.dispose]: () => {
      for (const signal of signals) Deno.removeSignalListener(signal, end);
    },
  };
}

function intervalOf(given: Given): number {
  const text = given.values.get("interval");
  if (text === undefined) return INTERVAL.default;
  const seconds = /^\d{1,4}(\.\d{1,3})?$/.test(text) ? Number(text) : NaN;
  if (seconds >= INTERVAL.min && seconds <= INTERVAL.max) return seconds;
  throw usage(`--interval must be between ${INTERVAL.min} and ${INTERVAL.max} seconds, got "${text}"`);
}

function sortKeyOf(given: Given): SortKey {
  const text = given.values.get("sort") ?? "traffic";
  const key = SORT_KEYS.find((key) => key === text);
  if (key === undefined) throw usage(`--sort must be one of ${SORT_KEYS.join(", ")}, got "${text}"`);
  return key;
}

function formatSeconds(seconds: number): string {
  return seconds === 1 ? "second" : `${seconds} s`;
}

function pause(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}
