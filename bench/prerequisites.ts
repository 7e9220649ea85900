/**
 * What the benchmark needs, and what it can do without. It installs nothing.
 *
 * @module
 */

import { findProgram } from "../tests/support/peers.ts";
import { descriptorLimit } from "./process_tree.ts";
import { findHaproxy } from "./proxies/haproxy.ts";
import { findNginx } from "./proxies/nginx.ts";
import type { Contender } from "./proxies/proxy.ts";
import { findWeir } from "./proxies/weir.ts";

/** What there is. */
export interface Found {
  readonly contenders: readonly Contender[];
  /** What is missing, one line each. */
  readonly missing: readonly string[];
  /** Why nothing can be measured at all; `null` when it can. */
  readonly fatal: string | null;
  /** How many idle connections can be held. */
  readonly idle: number;
  /** Whether there is an openssl for full handshakes. */
  readonly openssl: boolean;
}

/** Descriptors beside those of connections. */
const SPARE_DESCRIPTORS = 500;

/** Looks around. @param idle how many idle connections are wanted */
export async function lookAround(idle: number): Promise<Found> {
  if (Deno.build.os !== "linux") {
    return {
      contenders: [],
      missing: [],
      fatal: "The benchmark reads /proc, which only Linux has",
      idle: 0,
      openssl: false,
    };
  }
  const needed = ["wrk", "nginx"].filter((name) => findProgram(name) === undefined);
  const fatal = needed.length === 0
    ? null
    : `Not installed: ${needed.join(", ")} (wrk makes the load, nginx is the back end). On Debian: apt-get install ${
      needed.join(" ")
    }`;
  const missing: string[] = [];
  const [weir, haproxy, nginx] = await Promise.all([findWeir(), findHaproxy(), findNginx()]);
  if (haproxy === undefined) missing.push("HAProxy is not installed and left out (Debian: apt-get install haproxy)");
  if (nginx === undefined) {
    missing.push("nginx has no stream module and is left out (Debian: apt-get install libnginx-mod-stream)");
  }
  const openssl = findProgram("openssl") !== undefined;
  if (!openssl) {
    missing.push("openssl is not installed, and full handshakes are left out (Debian: apt-get install openssl)");
  }
  const limit = descriptorLimit();
  const possible = Math.floor((limit - SPARE_DESCRIPTORS) / 2);
  if (possible < idle) {
    missing.push(
      `${idle} idle connections need ${2 * idle + SPARE_DESCRIPTORS} descriptors, the limit is ${limit}: ${
        Math.max(0, possible)
      } are held (ulimit -n)`,
    );
  }
  const contenders = [weir, haproxy, nginx].filter((one) => one !== undefined);
  return { contenders, missing, fatal, idle: Math.max(0, Math.min(idle, possible)), openssl };
}
