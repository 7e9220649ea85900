/**
 * What all listeners of a worker share.
 *
 * @module
 */

import type { AccessRecorder } from "../access_log/recorder.ts";
import type { Capacity } from "../board/capacity.ts";
import type { CheckerContext } from "../health/checker.ts";
import type { Log } from "../log.ts";
import type { BufferPool } from "../net/buffers.ts";
import type { DeadlineWheel } from "../net/deadlines.ts";
import type { CheckedByAuthority } from "../net/tls/client_certificate.ts";
import type { DrainContext } from "./drain.ts";

/** What all listeners of a worker share. */
export interface ListenerEnvironment {
  readonly wheel: DeadlineWheel;
  readonly buffers: BufferPool;
  /** What the process has of descriptors. */
  readonly capacity: Capacity;
  /** There is no descriptor, or no memory, left. */
  readonly onShortage: (error: unknown) => void;
  readonly log: Log;
  /** Milliseconds since any moment, and a repeating timer. */
  readonly now: DrainContext["now"];
  readonly every: DrainContext["every"];
  /** Takes connections that have ended. */
  readonly accessLog: Pick<AccessRecorder, "add">;
  /** Clients' certificates that have passed. */
  readonly checkedCertificates: CheckedByAuthority;
  /** How servers are probed; the listener adds what to do with a transition. */
  readonly checker: Omit<CheckerContext, "portOf" | "onState" | "onTransition" | "onOutcome">;
  /** Hears of health transitions and of new probe outcomes. */
  readonly onHealth: (listener: string, ...event: Parameters<CheckerContext["onTransition"]>) => void;
  readonly onProbe: (listener: string, ...event: Parameters<CheckerContext["onOutcome"]>) => void;
}
