/**
 * Which part of a listener runs in which worker: one worker each until there are `maxWorkers`, then evenly shared.
 * Workers are kept and used again, because a thread that ends gives little of its memory back.
 *
 * @module
 */

import { ProcessCapacity } from "../board/capacity.ts";
import type { InstanceId } from "../messages.ts";
import { WorkerHandle, type WorkerObserver } from "./worker_handle.ts";

/** A worker and what lives in it. */
export interface Crew {
  readonly worker: WorkerHandle;
  readonly instances: Set<InstanceId>;
}

/** All workers. */
export class WorkerFleet {
  readonly #crews = new Set<Crew>();
  readonly #observe: (crew: () => Crew) => WorkerObserver;
  /** What the process has of descriptors and memory; every worker has a hand on it. */
  readonly capacity = new ProcessCapacity();
  #started = 0;
  /** Workers at most; what comes next is placed by it. */
  maxWorkers: number;

  /** @param maxWorkers 1 or more, @param observe makes the observer of a new worker */
  constructor(maxWorkers: number, observe: (crew: () => Crew) => WorkerObserver) {
    this.maxWorkers = maxWorkers;
    this.#observe = observe;
  }

  /** Workers that run. */
  get size(): number {
    return this.#crews.size;
  }

  /**
   * Finds a place for a part of a listener: a free worker, a new one, or the one with the fewest parts.
   *
   * @param taken where its siblings are: two of them in one thread would be of no use. When there is no other place left,
   * because a worker is being replaced, say, one more is started.
   */
  place(instance: InstanceId, taken: readonly Crew[] = []): Crew {
    const crews = [...this.#crews].filter((crew) => crew.worker.alive && !taken.includes(crew));
    const [emptiest] = crews.sort((a, b) => a.instances.size - b.instances.size);
    const crew = emptiest !== undefined && (emptiest.instances.size === 0 || this.#crews.size >= this.maxWorkers)
      ? emptiest
      : this.#start();
    crew.instances.add(instance);
    return crew;
  }

  /** An instance has left its worker. */
  leave(crew: Crew, instance: InstanceId): void {
    crew.instances.delete(instance);
  }

  /** A worker has died: what lived in it has to find another place, in a new worker unless there is a free one. */
  remove(dead: Crew): void {
    this.#crews.delete(dead);
  }

  /** Ends every worker. */
  terminate(): void {
    for (const crew of this.#crews) crew.worker.terminate();
    this.#crews.clear();
  }

  #start(): Crew {
    const number = ++this.#started;
    const crew: Crew = {
      worker: new WorkerHandle(number, this.#observe(() => crew), this.capacity.forWorker(number)),
      instances: new Set(),
    };
    this.#crews.add(crew);
    return crew;
  }
}
