/**
 * Opening TCP connections to servers.
 *
 * @module
 */

/** Where to connect to. */
export interface ConnectTarget {
  /** An address literal. */
  readonly address: string;
  readonly port: number;
}

// Racing address families is for host names; for a literal it only costs time. Older type definitions do not know it.
const LITERAL: { autoSelectFamily: boolean } = { autoSelectFamily: false };

/** Connects; an abort of `signal` ends the attempt. Throws what `Deno.connect` throws. */
export function connectTcp({ address, port }: ConnectTarget, signal: AbortSignal): Promise<Deno.TcpConn> {
  const options: Deno.ConnectOptions & { signal: AbortSignal } = { hostname: address, port, signal, ...LITERAL };
  return Deno.connect(options);
}

const SHORTAGES: ReadonlySet<string> = new Set(["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM"]);

/** Whether something failed because this program, or machine, has no descriptor or memory left. */
export function isShortage(error: unknown): boolean {
  return error instanceof Error && "code" in error && SHORTAGES.has(String(error.code));
}

/** Whether connecting failed because this machine has no descriptor, memory or port left, whatever the server is. */
export function isOwnShortage(error: unknown): boolean {
  return isShortage(error) || (error instanceof Error && "code" in error && error.code === "EADDRNOTAVAIL");
}
