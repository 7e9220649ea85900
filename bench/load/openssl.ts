/**
 * Full TLS handshakes, from `openssl s_time -new`. wrk takes its sessions up again: of its connections all but the first
 * few are resumed.
 *
 * @module
 */

import { findProgram } from "../../tests/support/peers.ts";
import type { Load } from "./load.ts";

/** Runs as many clients, each making one connection after the other with one request on it. */
export async function fullHandshakes(
  port: number,
  { seconds, connections }: { seconds: number; connections: number },
): Promise<Load> {
  const args = ["s_time", "-new", "-connect", `127.0.0.1:${port}`, "-time", `${seconds}`, "-www", "/small"];
  const command = new Deno.Command(findProgram("openssl") ?? "openssl", { args, stdin: "null" });
  const outputs = await Promise.all(Array.from({ length: connections }, () => command.output()));
  const loads = outputs.map(({ success, stdout }) => ({ success, ...readTimes(new TextDecoder().decode(stdout)) }));
  return {
    requests: loads.reduce((sum, { requests }) => sum + requests, 0),
    bytes: loads.reduce((sum, { bytes }) => sum + bytes, 0),
    errors: loads.filter(({ success }) => !success).length,
    p50: null,
    p99: null,
  };
}

/** What s_time says it did. Pure. */
export function readTimes(text: string): Pick<Load, "requests" | "bytes"> {
  const [, requests = "0", each = "0"] =
    /(\d+) connections in \d+ real seconds, (\d+) bytes read per connection/.exec(text) ?? [];
  return { requests: Number(requests), bytes: Number(requests) * Number(each) };
}
