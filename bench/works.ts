/**
 * What is measured: the kinds of work, and who does each. Data.
 *
 * @module
 */

/** Ways into a proxy: TCP, one-way TLS with the default engine and with Weir's other one, mutual TLS. */
export type Front = "tcp" | "tls" | "fast" | "mutual";

/** What stands behind it: nginx with files, or a sink that counts what it gets. */
export type Target = "web" | "sink";

/** Features off, or all that a proxy has of PROXY headers, an access list, limits and an access log. */
export type Features = "off" | "all";

/** Who is measured. `direct` is the back end without a proxy. */
export type Program = "weir" | "haproxy" | "nginx" | "direct";

/** What clients do. */
export type Action = "keep-alive" | "paced" | "new" | "handshake" | "down" | "up" | "idle";

/** One of those who do a work in turn. */
export interface Lane {
  /** What its column is called. */
  readonly name: string;
  readonly program: Program;
  readonly front: Front;
  /** Whether it is there to compare with, and left out by `--quick`. */
  readonly isReference?: boolean;
}

/** A kind of work. */
export interface Work {
  readonly id: string;
  readonly title: string;
  readonly action: Action;
  readonly features: Features;
  /** wrk; openssl, which resumes no session; or a client of our own, which can show a certificate and send much. */
  readonly load: "wrk" | "openssl" | "client";
  readonly lanes: readonly Lane[];
  /** Whether `--quick` leaves it out. */
  readonly long: boolean;
}

/** What the cost of an action is counted for. */
export const UNITS: Readonly<Record<Action, string>> = {
  "keep-alive": "us/request",
  paced: "us/request",
  new: "us/connection",
  handshake: "us/connection",
  down: "s/GB",
  up: "s/GB",
  idle: "KB/connection",
};

/** How many connections there are at once; those of `idle` are an option. */
export const CONNECTIONS = { "keep-alive": 32, paced: 32, new: 16, handshake: 8, down: 4, up: 4 } as const;

const TITLES: Readonly<Record<Action, string>> = {
  "keep-alive": "requests, kept open",
  paced: "requests, 3,000 a second",
  new: "new connection each",
  handshake: "full handshake each",
  down: "bulk to the client",
  up: "bulk to the server",
  idle: "idle connections",
};

const lane = (name: string, program: Program, front: Front): Lane => ({ name, program, front });

const programs = (front: Front): Lane[] => [
  lane("weir", "weir", front),
  lane("haproxy", "haproxy", front),
  lane("nginx", "nginx", front),
];

const direct = (front: Front): Lane => ({ ...lane("direct", "direct", front), isReference: true });
const oneWayLane: Lane = { ...lane("weir one-way", "weir", "tls"), isReference: true };
const fast = lane("weir fast", "weir", "fast");

function work(front: "tcp" | "tls" | "mutual", action: Action, features: Features = "off"): Work {
  const extra = front === "tls" && features === "off" ? [fast] : [];
  const oneWay = front === "mutual" && action !== "idle" ? [oneWayLane] : [];
  const baseline = features === "off" && front !== "mutual" && ["keep-alive", "paced", "new"].includes(action)
    ? [direct(front)]
    : [];
  const name = { tcp: "TCP", tls: "TLS", mutual: "mutual TLS" }[front];
  return {
    id: `${features === "all" ? "all-" : ""}${front}-${action}`,
    title: `${name}, ${features === "all" ? "all features on, " : ""}${titleOf(front, action)}`,
    action,
    features,
    load: action === "handshake"
      ? "openssl"
      : front === "mutual" || action === "up" || action === "idle"
      ? "client"
      : "wrk",
    lanes: [...programs(front), ...extra, ...oneWay, ...baseline],
    long: action === "paced" || features === "all" || (action === "idle" && front !== "tcp") ||
      (front === "mutual" && (action === "down" || action === "up")),
  };
}

/** wrk takes its TLS sessions up again, our own client does not. */
function titleOf(front: Front, action: Action): string {
  if (action !== "new" || front === "tcp") return TITLES[action];
  return front === "tls" ? "new connection each, session resumed" : TITLES.handshake;
}

/** Everything that is compared with HAProxy and nginx. */
export const WORKS: readonly Work[] = [
  ...(["keep-alive", "paced", "new", "down", "up", "idle"] as const).map((action) => work("tcp", action)),
  ...(["keep-alive", "paced", "new", "handshake", "down", "up", "idle"] as const).map((action) => work("tls", action)),
  ...(["keep-alive", "new", "down", "up", "idle"] as const).map((action) => work("mutual", action)),
  ...(["keep-alive", "new", "down", "idle"] as const).map((action) => work("tcp", action, "all")),
  ...(["keep-alive", "new", "down"] as const).map((action) => work("tls", action, "all")),
];

/** What can be measured; `threads` is one thread against two. */
export const IDS: readonly string[] = [...WORKS.map(({ id }) => id), "threads"];

/** Whether something is to be measured. @param only beginnings of ids; empty for all */
export function isAsked(id: string, only: readonly string[]): boolean {
  return only.length === 0 || only.some((start) => id.startsWith(start));
}
