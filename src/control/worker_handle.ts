/**
 * One worker thread as the main thread sees it: requests and answers, signs of life, and its end.
 *
 * @module
 */

import type { CapacityMemory } from "../board/capacity.ts";
import { WeirError } from "../errors.ts";
import { type FromWorker, HEARTBEAT_MS, type ToWorker, type WorkerRequest } from "../messages.ts";

/** Seconds without a heartbeat after which a worker counts as hung. */
export const HANG_SECONDS = 10;

/** Seconds that an ordinary request may take. */
const REQUEST_SECONDS = 20;

/** Hears what a worker says by itself. */
export interface WorkerObserver {
  /** A message that is no answer. */
  onMessage(message: Exclude<FromWorker, { kind: "answer" | "ready" }>): void;
  /** The worker is gone; called once, and never after {@link WorkerHandle.terminate}. */
  onDeath(reason: string): void;
}

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
  readonly timer: ReturnType<typeof setTimeout> | undefined;
}

/** A worker thread. */
export class WorkerHandle {
  /** A number for logs, counting from 1. */
  readonly number: number;
  readonly #worker: Worker;
  readonly #observer: WorkerObserver;
  readonly #pending = new Map<number, Pending>();
  readonly #heartbeat = new Int32Array(new SharedArrayBuffer(4));
  readonly #accessTaken = new Int32Array(new SharedArrayBuffer(4));
  readonly #watchdog: ReturnType<typeof setInterval>;
  #lastBeat = 0;
  #beatSeenAt = performance.now();
  #checkedAt = performance.now();
  #nextId = 1;
  #gone = false;

  /**
   * Starts a worker; requests may be sent at once.
   *
   * @param number for logs, @param observer hears of it, @param capacity its hand on what the process has
   */
  constructor(number: number, observer: WorkerObserver, capacity: CapacityMemory) {
    this.number = number;
    this.#observer = observer;
    this.#worker = new Worker(new URL("../worker/entry.ts", import.meta.url), {
      type: "module",
      name: `weir-worker-${number}`,
      ...PERMISSIONS,
    });
    this.#worker.onerror = (event) => {
      // Without this, one worker's mistake would end the whole process.
      event.preventDefault();
      this.#die(event.message);
    };
    this.#worker.onmessageerror = () => this.#die("a message could not be read");
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
      this.#pending.set(id, { resolve, reject, timer });
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
    if (message.kind === "ready") return;
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
    // This thread itself stood still (a paused container, say): the worker gets its time again.
    if (now - this.#checkedAt > 4 * HEARTBEAT_MS) this.#beatSeenAt = now;
    this.#checkedAt = now;
    const beat = Atomics.load(this.#heartbeat, 0);
    if (beat !== this.#lastBeat) {
      this.#lastBeat = beat;
      this.#beatSeenAt = now;
    } else if (now - this.#beatSeenAt > HANG_SECONDS * 1000) {
      this.#die(`no sign of life for ${HANG_SECONDS} s`);
    }
  }

  #die(reason: string): void {
    if (this.#gone) return;
    this.#end(`Worker ${this.number} died: ${reason}`);
    this.#observer.onDeath(reason);
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
