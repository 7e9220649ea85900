/**
 * Running the program without some of root's powers.
 *
 * @module
 */

import { findProgram, PEERS_REQUIRED, run } from "./peers.ts";
import { type Finished, weirCommandLine } from "./program.ts";

const lacksSetpriv = Deno.uid() === 0 && findProgram("setpriv") === undefined;

/** Why {@link weirWithout} cannot be used here, for a test's name; empty when it can. */
export const noSetpriv = lacksSetpriv && !PEERS_REQUIRED ? " (skipped: setpriv not installed)" : "";

const unprivilegedStart = Number(
  await Deno.readTextFile("/proc/sys/net/ipv4/ip_unprivileged_port_start").catch(() => "1024"),
);

/**
 * Why nobody needs a permission for port 443 here, for a test's name; empty when it is needed. It is the kernel's
 * setting, which a container may not change.
 */
export const anyPort = unprivilegedStart <= 443
  ? ` (skipped: net.ipv4.ip_unprivileged_port_start is ${unprivilegedStart}, everybody may listen on port 443 here)`
  : "";

/** Runs the program to its end without some of root's powers. @param capabilities such as `net_bind_service` */
export async function weirWithout(capabilities: readonly string[], args: readonly string[]): Promise<Finished> {
  if (lacksSetpriv) throw new Error("Not installed: setpriv");
  const less = capabilities.map((capability) => `-${capability}`).join(",");
  const setpriv = ["setpriv", `--inh-caps=${less}`, `--bounding-set=${less}`];
  const [program = "", ...words] = [...(Deno.uid() === 0 ? setpriv : []), ...weirCommandLine(args)];
  return await run(program, words);
}
