/**
 * The `global` section: what of it holds for everything. Pure.
 *
 * @module
 */

import type { Remarks } from "./remarks.ts";
import type { Section } from "./sections.ts";
import { readTime, toSeconds } from "./values.ts";

/** What `global` says that Weir can do. */
export interface Global {
  /** The folder of certificates; empty without one. */
  readonly crtBase: string;
  /** The folder of CAs; empty without one. */
  readonly caBase: string;
  /** What servers have to prove when their lines do not say. */
  readonly verifyServers: boolean;
  /** The `ssl-min-ver` of listeners that say none. */
  readonly minVersion: string | undefined;
  /** Seconds that connections get when the program stops. */
  readonly drainTimeout: number | undefined;
}

const ADVICE: Readonly<Record<string, string>> = {
  maxconn: "file descriptors limit all listeners together; maxConnections limits one",
  maxconnrate: "maxNewConnections limits one listener",
  maxsslconn: "maxConnections limits one listener",
  maxsslrate: "maxNewConnections limits one listener",
  nbthread: "each listener has a thread of its own; workers gives it several",
  nbproc: "each listener has a thread of its own; workers gives it several",
  log: "Weir logs to standard error; log.accessFile names a file for connections",
  stats: "the admin API, the console and weir top show what goes on, on 127.0.0.1:9900",
  "ssl-default-bind-ciphers": "Weir offers the strong suites of TLS 1.2 and 1.3 only",
  "ssl-default-bind-ciphersuites": "Weir offers the strong suites of TLS 1.2 and 1.3 only",
  chroot: "the service that starts Weir confines it (docs/deployment.md)",
  user: "the service that starts Weir says as whom (docs/deployment.md)",
  group: "the service that starts Weir says as whom (docs/deployment.md)",
  "server-state-file": "a reload keeps the state of servers, a restart begins anew",
  "external-check": "Weir probes by a TCP connect",
  "lua-load": "there are no scripts",
};

/** Reads the `global` sections. */
export function readGlobal(sections: readonly Section[], remarks: Remarks): Global {
  const statements = sections.filter(({ kind }) => kind === "global").flatMap((section) => section.statements);
  const words = (...start: readonly string[]) =>
    statements.findLast((one) => start.every((word, index) => one.words[index] === word));
  for (const { line, words: [keyword = "", ...rest] } of statements) {
    const advice = Object.hasOwn(ADVICE, keyword) ? ADVICE[keyword] : undefined;
    if (advice !== undefined) remarks.add(line, `"${[keyword, ...rest].join(" ")}" is not carried over: ${advice}`);
  }
  const stop = words("hard-stop-after");
  return {
    crtBase: words("crt-base")?.words[1] ?? "",
    caBase: words("ca-base")?.words[1] ?? "",
    verifyServers: words("ssl-server-verify")?.words[1] !== "none",
    minVersion: optionOf(words("ssl-default-bind-options")?.words ?? []),
    drainTimeout: stop === undefined ? undefined : stopTime(stop.line, stop.words[1] ?? "", remarks),
  };
}

function optionOf(words: readonly string[]): string | undefined {
  if (words.includes("no-tlsv12") || words.includes("force-tlsv13")) return "TLSv1.3";
  const at = words.indexOf("ssl-min-ver");
  return at < 0 ? undefined : words[at + 1];
}

function stopTime(line: number, text: string, remarks: Remarks): number | undefined {
  const time = readTime(text);
  if (time === undefined) return undefined;
  const { seconds, note } = toSeconds(time, [0, 3600]);
  if (note !== undefined) remarks.add(line, `"hard-stop-after ${text}" ${note}`);
  return seconds;
}

/** A file of HAProxy's with the folder that relative ones are in. */
export function inFolder(base: string, path: string): string {
  return base === "" || path.startsWith("/") ? path : `${base.replace(/\/$/, "")}/${path}`;
}
