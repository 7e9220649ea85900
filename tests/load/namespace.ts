/** A network namespace of one's own: its ports and addresses are nobody else's, and packets can be dropped in it. @module */

import { findProgram } from "../support/peers.ts";

/**
 * Runs a program with Deno in a network namespace, where that can be had: as root, with `unshare` and `ip`.
 *
 * @param options whether its kernel hands the clients of a socket that closes to another one of its port
 * @returns the exit code; `undefined` where it cannot
 */
export async function runInNamespace(
  program: URL,
  args: readonly string[],
  { migrate = false }: { readonly migrate?: boolean } = {},
): Promise<number | undefined> {
  if (Deno.uid() !== 0 || findProgram("unshare") === undefined || findProgram("ip") === undefined) return undefined;
  const words = ["run", "--allow-all", program.pathname, ...args];
  const set = migrate ? "echo 1 >/proc/sys/net/ipv4/tcp_migrate_req && " : "";
  const { code } = await new Deno.Command("unshare", {
    args: ["-n", "sh", "-c", `ip link set lo up && ${set}exec "$0" "$@"`, Deno.execPath(), ...words],
    stdin: "null",
  }).spawn().status;
  return code;
}
