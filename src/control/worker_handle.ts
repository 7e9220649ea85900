/**
 * One worker thread as the main thread sees it: requests and answers, signs of life, and its end.
 *
 * @module
 */

import type { CapacityMemory } from "../board/capacity.ts";
import { WeirError } from "../errors.ts";
import { limitEventsAtOnce } from "./events_at_once.ts";
import { BUSY_HANG_MS, Liveness } from "./liveness.ts";
import { processorShare } from "./processor_share.ts";
import { type FromWorker, HEARTBEAT_MS, type ToWorker, type WorkerRequest } from "../messages.ts";

/** Seconds that an ordinary request may take. */
const REQUEST_SECONDS = 20;

/** Hears what a worker says by itself. */
export interface WorkerObserver {
  /** A message that is no answer. */
  onMessage(message: Exclude<FromWorker, { kind: "answer" | "ready" }>): void;
  /** The worker is about to be ended, because it is dead or as good as that. */
  onDying?(): void;
  /** The worker is gone; called once, and never after {@link WorkerHandle.terminate}. */
  onDeath(reason: string, cause: DeathCause): void;
}

/** What a worker can die of: an error that nobody caught, or silence. One that ends by itself is silent as well. */
export const DEATH_CAUSES = ["error", "hung"] as const;

/** What a worker has died of. */
export type DeathCause = (typeof DEATH_CAUSES)[number];

// Bytes in, bytes out: a worker needs the network and nothing else. (Unstable, so missing from the published types.)
const PERMISSIONS = {
  deno: {
    permissions: {
      net: true,
      read: false,
      write: false,
      env: false,
      run: false,
      ffi: false,
      sys: false,
      import: false,
    },
  },
};

interface Pending {
  readonly resolve: () => void;
  readonly reject: (error: WeirError) => void;
  /** Milliseconds of this thread's clock. */
  readonly askedAt: number;
  readonly timer: ReturnType<typeof setTimeout> | undefined;
}

/** A worker thread. */
export class WorkerHandle {
  /** A number for logs, counting from 1. */
  readonly number: number;
  readonly #worker: Worker;
  readonly #observer: WorkerObserver;
  readonly #share: () => number;
  readonly #pending = new Map<number, Pending>();
  readonly #heartbeat = new Int32Array(new SharedArrayBuffer(4));
  readonly #accessTaken = new Int32Array(new SharedArrayBuffer(4));
  readonly #watchdog: ReturnType<typeof setInterval>;
  readonly #liveness = new Liveness(performance.now());
  readonly #startedAt = performance.now();
  #isReady = false;
  #nextId = 1;
  #gone = false;

  /**
   * Starts a worker; requests may be sent at once.
   *
   * @param number for logs, @param observer hears of it, @param capacity its hand on what the process has
   * @param share how much of a processor is to be had, see {@link processorShare}
   */
  constructor(
    number: number,
    observer: WorkerObserver,
    capacity: CapacityMemory,
    share: () => number = processorShare,
  ) {
    this.number = number;
    this.#observer = observer;
    this.#share = share;
    limitEventsAtOnce();
    this.#worker = new Worker(new URL("../worker/entry.ts", import.meta.url), {
      type: "module",
      name: `weir-worker-${number}`,
      ...PERMISSIONS,
    });
    this.#worker.onerror = (event) => {
      // Without this, one worker's mistake would end the whole process.
      event.preventDefault();
      this.#die(event.message, "error");
    };
    this.#worker.onmessageerror = () => this.#die("a message could not be read", "error");
    this.#worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.#receive(data);
    this.#send({
      kind: "hello",
      heartbeat: this.#heartbeat.buffer as SharedArrayBuffer,
      accessTaken: this.#accessTaken.buffer as SharedArrayBuffer,
      capacity,
    });
    this.#watchdog = setInterval(() => this.#checkHeartbeat(), HEARTBEAT_MS);
  }

  /** Whether requests can be sent. */
  get alive(): boolean {
    return !this.#gone;
  }

  /**
   * Asks the worker for something and waits until it is done.
   *
   * @param seconds how long it may take; without end for `stop`, which has its own drain time
   * @throws {WeirError} `worker_failed` when the worker could not do it, did not answer, or died
   */
  request(request: WorkerRequest, seconds = request.kind === "stop" ? Infinity : REQUEST_SECONDS): Promise<void> {
    if (this.#gone) return Promise.reject(new WeirError("worker_failed", "The worker is gone"));
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      const timer = seconds === Infinity ? undefined : setTimeout(() => {
        this.#pending.delete(id);
        reject(
          new WeirError(
            "worker_failed",
            `Worker ${this.number} did not answer to "${request.kind}" within ${seconds} s`,
          ),
        );
      }, seconds * 1000);
      this.#pending.set(id, { resolve, reject, timer, askedAt: performance.now() });
      this.#send({ ...request, id });
    });
  }

  /** Ends the worker and everything it holds, on purpose. */
  terminate(): void {
    this.#end("The worker was stopped");
  }

  #send(message: ToWorker): void {
    this.#worker.postMessage(message);
  }

  #receive(message: FromWorker): void {
    if (message.kind === "ready") {
      this.#isReady = true;
      return;
    }
    if (message.kind === "access") Atomics.add(this.#accessTaken, 0, message.lines);
    if (message.kind !== "answer") return this.#observer.onMessage(message);
    const pending = this.#pending.get(message.id);
    if (pending === undefined) return;
    this.#pending.delete(message.id);
    clearTimeout(pending.timer);
    if (message.error === null) pending.resolve();
    else pending.reject(new WeirError("worker_failed", message.error));
  }

  #checkHeartbeat(): void {
    const now = performance.now();
    const isFresh = (at: number) => now - at < BUSY_HANG_MS;
    const isBusy = (!this.#isReady && isFresh(this.#startedAt)) ||
      [...this.#pending.values()].some(({ askedAt }) => isFresh(askedAt));
    const beat = Atomics.load(this.#heartbeat, 0);
    const silence = this.#liveness.look({ now, beat, isBusy, share: this.#share });
    if (silence !== undefined) this.#die(`no sign of life for ${(silence / 1000).toFixed(1)} s`, "hung");
  }

  #die(reason: string, cause: DeathCause): void {
    if (this.#gone) return;
    this.#observer.onDying?.();
    this.#end(`Worker ${this.number} died: ${reason}`);
    this.#observer.onDeath(reason, cause);
  }

  #end(message: string): void {
    if (this.#gone) return;
    this.#gone = true;
    clearInterval(this.#watchdog);
    this.#worker.terminate();
    for (const { reject, timer } of this.#pending.values()) {
      clearTimeout(timer);
      reject(new WeirError("worker_failed", message));
    }
    this.#pending.clear();
  }
}
