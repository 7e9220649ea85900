/** Free ports. @module */

/**
 * Below the ports that Linux gives to outgoing connections: a client cannot take one before its listener does. Whoever
 * runs two suites at once gives each its own (`WEIR_TEST_PORTS=10000-20999`): a port that is found free here is opened a
 * moment later.
 */
const [FIRST, LAST] = portsOf(Deno.env.get("WEIR_TEST_PORTS") ?? "10000-32767");

/** Single ports come from here on, rows from below, where nothing stands in their way. */
const MIDDLE = Math.ceil((FIRST + LAST) / 2);

function portsOf(text: string): readonly [first: number, last: number] {
  const [, first, last] = /^(\d+)-(\d+)$/.exec(text) ?? [];
  if (first === undefined || last === undefined) {
    throw new Error(`WEIR_TEST_PORTS must be FIRST-LAST, got ${JSON.stringify(text)}`);
  }
  return [Number(first), Number(last)];
}

/** A file for each port that was given to somebody in this process, where several test files may run at once. */
const CLAIMS = `${Deno.env.get("TMPDIR") ?? "/tmp"}/weir-test-ports-${Deno.pid}`;
const claimed = new Set<string>();

/** Whether a port was nobody's, and is the caller's now. */
function claim(port: number): boolean {
  const path = `${CLAIMS}/${port}`;
  try {
    Deno.mkdirSync(CLAIMS, { recursive: true });
    Deno.mkdirSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return false;
    throw error;
  }
  claimed.add(path);
  return true;
}

addEventListener("unload", () => {
  for (const path of claimed) Deno.removeSync(path);
  try {
    Deno.removeSync(CLAIMS);
  } catch { /* other files have ports yet */ }
});

/** A port that nobody listens on at the moment, and that is given to nobody else. */
export function freePort(hostname = "127.0.0.1"): number {
  for (;;) {
    const port = MIDDLE + Math.floor(Math.random() * (LAST - MIDDLE + 1));
    if (isFree(hostname, port) && claim(port)) return port;
  }
}

/** Rows follow each other, so that small ones do not stand in the way of large ones. */
let nextRow = FIRST + Math.floor(Math.random() * (MIDDLE - FIRST) / 4);

/** As many free ports in a row, for ranges; the first of them. @throws {Error} when there is no such row left */
export function freePortsInARow(count: number, hostnames: readonly string[] = ["127.0.0.1"]): number {
  while (nextRow + count <= MIDDLE) {
    const first = nextRow;
    const ports = Array.from({ length: count }, (_, index) => first + index);
    const taken = ports.find((port) => !hostnames.every((hostname) => isFree(hostname, port)) || !claim(port));
    nextRow = taken === undefined ? first + count : taken + 1;
    if (taken === undefined) return first;
  }
  throw new Error(`There are no ${count} free ports in a row left below ${MIDDLE}`);
}

function isFree(hostname: string, port: number): boolean {
  try {
    Deno.listen({ hostname, port }).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return false;
    throw error;
  }
}
