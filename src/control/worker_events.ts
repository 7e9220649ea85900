/**
 * What workers tell by themselves: log lines, connections that have ended, health changes, probe outcomes.
 *
 * @module
 */

import type { AccessBatch } from "../access_log/record.ts";
import type { Log } from "../log.ts";
import type { InstanceId } from "../messages.ts";
import type { HealthNotes } from "./health_notes.ts";
import type { WorkerObserver } from "./worker_handle.ts";

/** Who takes what is neither a line of the log nor about servers' health. */
export interface WorkerEventTakers {
  /** Connections have ended. */
  onAccess?(batch: AccessBatch): void;
  /** A thread was refused a descriptor, or memory. @param error why, for people */
  onShortage?(error: string): void;
  /** A part of a listener drains: connections that are left, and those that had to be ended. */
  onDraining?(instance: InstanceId, left: number, ended: number): void;
}

/** Takes a worker's messages: to the log, to the notes on servers' health, and to those who take the rest. */
export function takeMessage(log: Log, notes: HealthNotes, takers: WorkerEventTakers): WorkerObserver["onMessage"] {
  return (message) => {
    if (message.kind === "access") return takers.onAccess?.(message);
    if (message.kind === "shortage") return takers.onShortage?.(message.error);
    if (message.kind === "draining") return takers.onDraining?.(message.instance, message.left, message.ended);
    if (message.kind === "log") return log(message.level, message.message, message.fields);
    const { listener, server } = message;
    if (message.kind === "probe") return notes.note(listener, server, { probeError: message.error });
    const { from, to, reason } = message;
    notes.note(listener, server, { lastChange: { at: new Date().toISOString(), from, to, reason } });
    const level = to === "Abnormal" ? "warn" : "info";
    log(level, `Server ${server} of listener "${listener}" is ${to}: ${reason}`, {
      event: "health_changed",
      listener,
      server,
      from,
      to,
    });
  };
}
