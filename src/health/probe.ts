/**
 * One health probe: a TCP connect to one port of the server, then close.
 *
 * @module
 */

import { connectTcp, isOwnShortage } from "../net/connect.ts";
import { connectFailure } from "../net/connect_failure.ts";

/** What a probe found. */
export type ProbeResult =
  | { readonly ok: true }
  | { readonly ok: false; readonly reason: string }
  /** This machine had no descriptor or port left: nothing was learned about the server. */
  | { readonly ok: null };

/** Where and how long to probe. */
export interface ProbeTarget {
  readonly address: string;
  readonly port: number;
  /** Seconds. */
  readonly timeout: number;
}

/** Probes once; never throws. @param signal ends the probe early, with a failure that nobody will look at */
export async function probe(target: ProbeTarget, signal: AbortSignal): Promise<ProbeResult> {
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(), target.timeout * 1000);
  const stop = () => deadline.abort();
  signal.addEventListener("abort", stop);
  try {
    const connection = await connectTcp(target, deadline.signal);
    // Closed in the ordinary way, not reset: resets fill servers' logs.
    connection.close();
    return { ok: true };
  } catch (error) {
    if (isOwnShortage(error)) return { ok: null };
    return { ok: false, reason: connectFailure(target, error, deadline.signal.aborted ? target.timeout : undefined) };
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  }
}
