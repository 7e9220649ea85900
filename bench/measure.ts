/**
 * Measuring a proxy process: CPU time from /proc, load from wrk.
 *
 * @module
 */

/** CPU seconds that a process and its threads have used, from /proc/PID/stat (100 ticks a second on Linux). */
export function cpuSeconds(pid: number): number {
  const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  // The name in parentheses may hold spaces; fields 14 and 15 are user and system time.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** What one run of wrk did. */
export interface Load {
  readonly requests: number;
  readonly bytes: number;
  readonly errors: number;
  readonly p50: string;
  readonly p99: string;
}

/** Runs wrk against a URL. */
export async function wrk(
  url: string,
  options: { seconds: number; connections: number; close: boolean },
): Promise<Load> {
  const { seconds, connections, close } = options;
  const args = [
    "-t1",
    `-c${connections}`,
    `-d${seconds}s`,
    "--latency",
    ...(close ? ["-H", "Connection: close"] : []),
    url,
  ];
  const { code, stdout, stderr } = await new Deno.Command("wrk", { args }).output();
  const text = new TextDecoder().decode(stdout);
  if (code !== 0) throw new Error(`wrk failed: ${text}${new TextDecoder().decode(stderr)}`);
  const found = (pattern: RegExp) => pattern.exec(text)?.[1] ?? "";
  const socketErrors = [.../(?:connect|read|write|timeout) (\d+)/g[Symbol.matchAll](found(/Socket errors: (.*)/))];
  return {
    requests: Number(found(/(\d+) requests in/)),
    bytes: readBytes(found(/requests in [^,]+, ([\d.]+\w+) read/)),
    errors: socketErrors.reduce(
      (sum, match) => sum + Number(match[1]),
      Number(found(/Non-2xx or 3xx responses: (\d+)/) || 0),
    ),
    p50: found(/50%\s+(\S+)/),
    p99: found(/99%\s+(\S+)/),
  };
}

/** Runs `tls_load.ts` against a port, with the client certificate in `folder`. */
export async function tlsLoad(
  port: number,
  options: { kind: string; seconds: number; connections: number; folder: string },
): Promise<Load> {
  const { kind, seconds, connections, folder } = options;
  const script = new URL("./tls_load.ts", import.meta.url).pathname;
  const args = ["run", "--allow-net", "--allow-read", script, `${port}`, kind, `${seconds}`, `${connections}`, folder];
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
  if (code !== 0) throw new Error(`tls_load.ts failed: ${new TextDecoder().decode(stderr)}`);
  return { ...JSON.parse(new TextDecoder().decode(stdout)), p50: "", p99: "" };
}

function readBytes(text: string): number {
  const [, value = "0", unit = "B"] = /^([\d.]+)(\w+)$/.exec(text) ?? [];
  const powers: Readonly<Record<string, number>> = { B: 1, KB: 2 ** 10, MB: 2 ** 20, GB: 2 ** 30, TB: 2 ** 40 };
  return Number(value) * (powers[unit] ?? 1);
}

/** The middle value. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const upper = sorted[Math.floor(middle)] ?? NaN;
  return Number.isInteger(middle) ? ((sorted[middle - 1] ?? NaN) + upper) / 2 : upper;
}
