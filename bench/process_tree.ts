/**
 * What a program and all that it has started use, from /proc.
 *
 * @module
 */

/** Ticks of /proc/PID/stat in a second, on Linux. */
const TICKS = 100;

/** A process and its descendants. */
export function processTree(pid: number): number[] {
  const found = [pid];
  for (const parent of found) {
    for (const { name: thread } of readDir(`/proc/${parent}/task`)) {
      found.push(...(read(`/proc/${parent}/task/${thread}/children`) ?? "").split(" ").filter(Boolean).map(Number));
    }
  }
  return found;
}

/** CPU seconds that a program has used, its threads and processes that have ended and were waited for included. */
export function cpuSeconds(pid: number): number {
  return processTree(pid).reduce((sum, one) => {
    const times = statFields(read(`/proc/${one}/stat`) ?? "");
    // User and system time; that of children counts in the first process only once they have ended.
    return sum + [11, 12, 13, 14].reduce((ticks, field) => ticks + Number(times[field] ?? 0), 0) / TICKS;
  }, 0);
}

/** Bytes of memory that are resident. */
export function residentBytes(pid: number): number {
  return processTree(pid).reduce((sum, one) => {
    const [, kilobytes = "0"] = /^VmRSS:\s+(\d+) kB$/m.exec(read(`/proc/${one}/status`) ?? "") ?? [];
    return sum + Number(kilobytes) * 1024;
  }, 0);
}

/** CPU seconds of each thread of a process that is called `worker-…` (Deno's workers), by its number. */
export function workerThreadSeconds(pid: number): Map<string, number> {
  const threads = new Map<string, number>();
  for (const { name: thread } of readDir(`/proc/${pid}/task`)) {
    const stat = read(`/proc/${pid}/task/${thread}/stat`) ?? "";
    if (!stat.includes("(worker-")) continue;
    const times = statFields(stat);
    threads.set(thread, (Number(times[11]) + Number(times[12])) / TICKS);
  }
  return threads;
}

/** Descriptors that this process may open, and so all that it starts. */
export function descriptorLimit(): number {
  const [, limit = "0"] = /^Max open files\s+(\d+)/m.exec(Deno.readTextFileSync("/proc/self/limits")) ?? [];
  return Number(limit);
}

/** What follows the name in a stat line; the name stands in parentheses and may hold spaces. */
function statFields(stat: string): string[] {
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
}

function read(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    // It has ended.
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function readDir(path: string): Deno.DirEntry[] {
  try {
    return [...Deno.readDirSync(path)];
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
