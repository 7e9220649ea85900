/** `weir drain`: take a server out of service, gently. @module */

import { z } from "zod";
import { WeirError } from "../errors.ts";
import { ADMIN_FLAGS, type AdminAnswer, callAdmin, detailOf } from "./admin_client.ts";
import { type Command, EXIT, type Given, JSON_FLAG, usage } from "./command.ts";
import { print, printError, printJson } from "./output.ts";

const LONGEST_WAIT = 86_400;
const LOOK_EVERY_MS = 500;

const serverState = z.looseObject({
  server: z.string(),
  configured: z.string(),
  draining: z.boolean(),
  connectionsActive: z.int(),
});
type Server = z.infer<typeof serverState>;

/** The command. */
export const drainCommand: Command = {
  name: "drain",
  summary: "Give a server of a listener no new connections; those that are open go on.",
  usage: "LISTENER SERVER [--group] [--resume] [--wait SECONDS] [--admin URL] [--token TOKEN] [--json]",
  flags: [
    { name: "group", help: "in every listener that uses this listener's backend group" },
    { name: "resume", help: "the opposite: give it new connections again" },
    { name: "wait", value: "SECONDS", help: "wait until its open connections are over; exit 1 when they are not" },
    ...ADMIN_FLAGS,
    JSON_FLAG,
  ],
  maxRest: 2,
  words: [{ kind: "listener" }, { kind: "server" }],
  run: async (given) => {
    const [listener, server] = given.rest;
    if (listener === undefined || server === undefined) {
      throw usage('"weir drain" needs a listener and a server, such as: weir drain web 10.0.0.11:80');
    }
    const resume = given.switches.has("resume");
    const wait = secondsToWait(given, resume);
    const owner = given.switches.has("group")
      ? `/v1/backend-groups/${encodeURIComponent(await groupOf(given, listener))}`
      : `/v1/listeners/${encodeURIComponent(listener)}`;
    const change = { drain: !resume };
    const answer = await callAdmin(given, "PATCH", `${owner}/servers/${encodeURIComponent(server)}`, change);
    const servers = read(answer, z.object({ servers: z.array(serverState) })).servers;
    const keys = servers.map((one) => one.server);
    const look = async () => {
      const { servers } = read(await callAdmin(given, "GET", owner), z.object({ servers: z.array(serverState) }));
      return servers.filter((one) => keys.includes(one.server));
    };
    const left = wait === 0 ? servers : await settled(servers, wait, look);
    if (given.switches.has("json")) printJson({ servers: left });
    else if (left.length === 0) print(`${server} stands for no address at the moment`);
    else for (const one of left) print(describe(one));
    const drained = left.find((one) => one.draining);
    if (resume && drained !== undefined) {
      printError(`weir: ${whyStillDrained(drained, given.switches.has("group"))}`);
      return EXIT.failed;
    }
    const open = left.reduce((sum, one) => sum + one.connectionsActive, 0);
    if (wait === 0 || open === 0) return EXIT.done;
    printError(`weir: after ${wait} s ${open} ${open === 1 ? "connection is" : "connections are"} still open`);
    return EXIT.failed;
  },
};

/** What was drained as part of more can only be resumed with the rest of it. */
function whyStillDrained({ server, configured }: Server, inGroup: boolean): string {
  const why = [
    ...(server === configured ? [] : [`as one of ${configured} (resume that)`]),
    ...(inGroup ? [] : ["in its whole backend group (add --group)"]),
  ];
  return `${server} is still drained, ${why.join(" or ")}`;
}

/** The named group of a listener. */
async function groupOf(given: Given, listener: string): Promise<string> {
  const answer = await callAdmin(given, "GET", `/v1/listeners/${encodeURIComponent(listener)}`);
  const { backendGroup } = read(answer, z.object({ backendGroup: z.string().nullable() }));
  if (backendGroup !== null) return backendGroup;
  throw usage(`--group is for named backend groups; that of listener "${listener}" is written in place`);
}

function read<Schema extends z.ZodType>(answer: AdminAnswer, schema: Schema): z.infer<Schema> {
  const result = schema.safeParse(answer.body);
  if (answer.status !== 200 || !result.success) throw new WeirError("admin_unreachable", detailOf(answer.body));
  return result.data;
}

function secondsToWait(given: Given, resume: boolean): number {
  const text = given.values.get("wait");
  if (text === undefined) return 0;
  if (resume) throw usage("--wait and --resume do not go together");
  const seconds = /^\d{1,6}$/.test(text) ? Number(text) : NaN;
  if (seconds >= 1 && seconds <= LONGEST_WAIT) return seconds;
  throw usage(`--wait must be between 1 and ${LONGEST_WAIT} seconds, got "${text}"`);
}

async function settled(
  servers: readonly Server[],
  seconds: number,
  look: () => Promise<readonly Server[]>,
): Promise<readonly Server[]> {
  const until = performance.now() + seconds * 1000;
  let latest = servers;
  while (latest.some((one) => one.connectionsActive > 0) && performance.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    latest = await look();
  }
  return latest;
}

function describe({ server, draining, connectionsActive }: Server): string {
  const open = `${connectionsActive} open ${connectionsActive === 1 ? "connection" : "connections"}`;
  return draining ? `${server} takes nothing new, ${open}` : `${server} takes new connections, ${open}`;
}
