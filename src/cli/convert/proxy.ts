/**
 * What one `listen`, `frontend` or `backend` section says, keyword by keyword. Pure.
 *
 * @module
 */

import type { Remarks } from "./remarks.ts";
import type { Section, Statement } from "./sections.ts";
import { readNumber, readTime } from "./values.ts";

/** A value with the line that it stands on. */
export interface Placed<Value> {
  readonly line: number;
  readonly value: Value;
}

/** A section in TCP mode, sorted by keyword; of what can be said once, the last counts. */
export interface Proxy {
  readonly section: Section;
  readonly binds: readonly Statement[];
  /** `server` and `default-server` lines, in their order. */
  readonly servers: readonly Statement[];
  readonly acls: readonly Statement[];
  /** `tcp-request` lines of connections, sessions and contents, without the first word. */
  readonly requestRules: readonly Statement[];
  readonly balance: Placed<string> | undefined;
  /** The backend that gets what nothing else does. */
  readonly backend: Placed<string> | undefined;
  /** Milliseconds by name. */
  readonly timeouts: ReadonlyMap<string, Placed<number>>;
  /** Whole numbers by keyword: maxconn, backlog, rate (`rate-limit sessions`). */
  readonly numbers: ReadonlyMap<string, Placed<number>>;
  readonly options: ReadonlySet<string>;
  readonly description: string;
}

const TIMEOUTS = ["client", "server", "connect", "check", "tunnel"];
/** Timeouts that say nothing in TCP mode. */
const HTTP_TIMEOUTS = ["http-request", "http-keep-alive", "tarpit"];

const CHECKS = "Weir probes by a TCP connect, and sends nothing";
const STICKY = 'there are no tables; "source-hash" sends a client\'s address to the same server each time';
const LOG = "Weir logs to standard error; log.access and log.accessFile log each connection";

/** What is said of keywords that are not carried over; `null` where nothing is lost. */
const ADVICE: Readonly<Record<string, string | null>> = {
  ...{ mode: null, id: null, enabled: null, retries: null, "load-server-state-from-file": null, guid: null },
  // HTTP's, which HAProxy passes over in TCP mode as well.
  ...{ errorfile: null, "http-request": null, "http-response": null, "http-reuse": null, cookie: null, errorloc: null },
  ...{ compression: null, "http-check": null, errorloc302: null, errorloc303: null, "unique-id-header": null },
  ...{ capture: null, monitor: null, "monitor-uri": null, "http-after-response": null, "http-error": null },
  log: LOG,
  "log-format": "the access log has its own fields (docs/access-log.md)",
  "log-format-sd": "the access log has its own fields (docs/access-log.md)",
  "log-tag": LOG,
  "tcp-check": CHECKS,
  "external-check": CHECKS,
  "stick-table": STICKY,
  stick: STICKY,
  "hash-type": "source-hash is consistent: a server that comes or goes moves its own share only",
  "server-template": "write one server with the host name: each of its addresses is a server",
  "use-server": "servers are picked by weight, not by rules",
  "tcp-response": "bytes are not looked into",
  "tcp-request": "bytes are not looked into",
  stats: "the console and the admin API are on 127.0.0.1:9900",
  fullconn: "servers have no limits of their own",
  "bind-process": "workers says how many threads a listener has",
  "email-alert": "watch the metrics or GET /v1/events",
  source: "the system picks the address that servers are connected from",
  dispatch: "write a server",
  filter: "there are no filters",
  "declare": "there is no such thing in Weir",
  "unique-id-format": "the access log gives each connection an id",
  "max-keep-alive-queue": null,
};

/** What is said of options; every other one is for HTTP or is what Weir does in any case. */
const OPTION_ADVICE: Readonly<Record<string, string>> = {
  "tcp-check": CHECKS,
  httpchk: CHECKS,
  "ssl-hello-chk": CHECKS,
  "mysql-check": CHECKS,
  "pgsql-check": CHECKS,
  "redis-check": CHECKS,
  "smtpchk": CHECKS,
  "ldap-check": CHECKS,
  "spop-check": CHECKS,
  "external-check": CHECKS,
  transparent: "servers see Weir's address; proxyProtocol tells them the client's",
  "log-health-checks": "every change of a server's health is logged, not every probe",
  "dontlog-normal": "the access log has every connection",
  "log-separate-errors": "the access log has every connection with the reason for its end",
  "nolinger": "connections end by themselves",
  "srvtcpka-idle": "the system's keep-alive times hold",
};

/** Whether a section relays TCP: that is HAProxy's way where no mode is given. */
export function modeOf({ statements }: Section): string {
  return statements.findLast(({ words }) => words[0] === "mode")?.words[1] ?? "tcp";
}

/** Whether a line says whom to let in, or what to do when somebody comes. */
function isRequestRule({ words: [, stage = ""] }: Statement): boolean {
  return ["connection", "session", "content"].includes(stage);
}

/** Reads a section in TCP mode. */
export function readProxy(section: Section, remarks: Remarks): Proxy {
  const lines = (keyword: string) => section.statements.filter(({ words }) => words[0] === keyword);
  const last = (keyword: string) => lines(keyword).at(-1);
  const options = new Set<string>();
  const timeouts = new Map<string, Placed<number>>();
  const numbers = new Map<string, Placed<number>>();
  let always: Placed<string> | undefined;
  let otherwise: Placed<string> | undefined;
  for (const statement of section.statements) {
    const { line, words: [keyword = "", first = "", second = ""] } = statement;
    const text = statement.words.join(" ");
    const refuse = (advice: string) => remarks.add(line, `"${text}" is not carried over: ${advice}`);
    if (["bind", "server", "default-server", "acl", "balance", "description", "disabled"].includes(keyword)) continue;
    if (keyword === "option") {
      options.add(first);
      if (Object.hasOwn(OPTION_ADVICE, first)) refuse(OPTION_ADVICE[first] ?? "");
    } else if (keyword === "no") {
      if (first === "option") options.delete(second);
    } else if (keyword === "timeout" && HTTP_TIMEOUTS.includes(first)) continue;
    else if (keyword === "timeout") readTimeout(statement, timeouts, refuse);
    else if (keyword === "maxconn" || keyword === "backlog") setNumber(keyword, first, line);
    else if (keyword === "rate-limit" && first === "sessions") setNumber("rate", second, line);
    else if (keyword === "default_backend") otherwise = { line, value: first };
    else if (keyword === "use_backend") {
      if (statement.words.length > 2) {
        refuse("Weir does not choose by content or condition; give it a listener with a port of its own");
      } else always ??= { line, value: first };
    } else if (keyword === "tcp-request" && (first === "inspect-delay" || isRequestRule(statement))) continue;
    else if (!Object.hasOwn(ADVICE, keyword)) refuse(`this translator does not know "${keyword}"`);
    else if (ADVICE[keyword] !== null) refuse(ADVICE[keyword] ?? "");
  }
  function setNumber(name: string, text: string, line: number): void {
    const value = readNumber(text);
    if (value !== undefined && value > 0) numbers.set(name, { line, value });
    else remarks.add(line, `"${name} ${text}" is not carried over: it is not a number above 0`);
  }
  const balance = last("balance");
  return {
    section,
    binds: lines("bind"),
    servers: section.statements.filter(({ words }) => words[0] === "server" || words[0] === "default-server"),
    acls: lines("acl"),
    requestRules: lines("tcp-request").filter(isRequestRule).map(({ line, words }) => ({
      line,
      words: words.slice(1),
    })),
    balance: balance === undefined ? undefined : { line: balance.line, value: balance.words.slice(1).join(" ") },
    backend: always ?? otherwise,
    timeouts,
    numbers,
    options,
    description: last("description")?.words.slice(1).join(" ") ?? "",
  };
}

function readTimeout(
  { line, words: [, name = "", text = ""] }: Statement,
  timeouts: Map<string, Placed<number>>,
  refuse: (advice: string) => void,
): void {
  const time = readTime(text);
  if (!TIMEOUTS.includes(name)) {
    const isHalf = name === "client-fin" || name === "server-fin";
    refuse(isHalf ? "idleTimeout holds after a half-close as well" : "Weir has no such time");
  } else if (time === undefined) refuse("it is not a time");
  else timeouts.set(name, { line, value: time });
}
