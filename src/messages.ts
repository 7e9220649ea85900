/**
 * Every message between the main thread and its workers: plain data, one union for each direction.
 *
 * @module
 */

import type { AccessBatch } from "./access_log/record.ts";
import type { CapacityMemory } from "./board/capacity.ts";
import type { HealthState, WorkerMemory } from "./board/layout.ts";
import type { ListenerPlan } from "./config/model.ts";
import type { LogFields, LogLevel } from "./log.ts";

/**
 * A listener as it runs in one worker: it has as many ids as threads, and a replaced listener and its successor share a
 * name and no id.
 */
export type InstanceId = string;

/**
 * How a listener opens its ports: in one queue with the main thread's hold on them (`shared`), or each with a queue of
 * its own beside others (`beside`). See docs/decisions/0003-listening-sockets.md.
 */
export type SocketKind = "shared" | "beside";

/** What a worker is asked to do; each gets an {@link Answer} with the same number. */
export type WorkerRequest =
  /** Open a listener's ports, but for those in `closed`, and accept nothing yet. */
  | {
    readonly kind: "open";
    readonly instance: InstanceId;
    readonly plan: ListenerPlan;
    readonly memory: WorkerMemory;
    readonly sockets: SocketKind;
    readonly closed: readonly number[];
  }
  /** Start accepting. */
  | { readonly kind: "accept"; readonly instance: InstanceId }
  /** Probe the servers from now on: of a listener's threads one does, for all of them. */
  | { readonly kind: "probe"; readonly instance: InstanceId }
  /** Take up new settings in place. */
  | {
    readonly kind: "update";
    readonly instance: InstanceId;
    readonly plan: ListenerPlan;
    readonly memory: WorkerMemory;
  }
  /** Get ready for a plan: open what it needs beside what is open (added ports, sockets with a renewed certificate). */
  | { readonly kind: "prepare"; readonly instance: InstanceId; readonly plan: ListenerPlan }
  /** Close what `prepare` has opened. */
  | { readonly kind: "forgo"; readonly instance: InstanceId }
  /** Close ports for now, all unless some are named; sessions go on. */
  | { readonly kind: "suspend"; readonly instance: InstanceId; readonly ports?: readonly number[] }
  /** Open the ports that are closed and go on accepting. */
  | { readonly kind: "resume"; readonly instance: InstanceId; readonly sockets: SocketKind }
  /** Have every port on a socket of its own (`beside`) from now on; where it was shared it is closed for a moment. */
  | { readonly kind: "split"; readonly instance: InstanceId }
  /** Accept nothing more, end sessions over `drainTimeout` seconds; answered when it is all over. */
  | { readonly kind: "stop"; readonly instance: InstanceId; readonly drainTimeout: number };

/** A request with the number that its answer carries. */
export type NumberedRequest = WorkerRequest & { readonly id: number };

/** The first message to a worker. */
export interface WorkerHello {
  readonly kind: "hello";
  /** One counter that the worker raises every {@link HEARTBEAT_MS}. */
  readonly heartbeat: SharedArrayBuffer;
  /** One counter, of 32 bits that start over: lines of the access log that the main thread has taken. */
  readonly accessTaken: SharedArrayBuffer;
  /** What the process has of descriptors and memory. */
  readonly capacity: CapacityMemory;
}

/** Everything that is sent to a worker. */
export type ToWorker = WorkerHello | NumberedRequest;

/** How often a worker shows that it is alive. */
export const HEARTBEAT_MS = 100;

/** What a worker made of a request. */
export interface Answer {
  readonly kind: "answer";
  readonly id: number;
  /** `null` when all went well; otherwise what went wrong, for people. */
  readonly error: string | null;
}

/** Everything that a worker sends. */
export type FromWorker =
  | { readonly kind: "ready" }
  | Answer
  | { readonly kind: "log"; readonly level: LogLevel; readonly message: string; readonly fields: LogFields }
  | {
    readonly kind: "health";
    readonly listener: string;
    readonly server: string;
    readonly from: HealthState;
    readonly to: HealthState;
    readonly reason: string;
  }
  /** A listener stops: connections that are left, and those that had to be ended. */
  | { readonly kind: "draining"; readonly instance: InstanceId; readonly left: number; readonly ended: number }
  /** There is no descriptor, or no memory, left. */
  | { readonly kind: "shortage"; readonly error: string }
  /** Connections that have ended, for the access log. */
  | { readonly kind: "access" } & AccessBatch
  /** The outcome of probing a server is another than before; `null` means success. */
  | { readonly kind: "probe"; readonly listener: string; readonly server: string; readonly error: string | null };
