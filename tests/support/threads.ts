/** The same task in several threads at once. @module */

/** What a thread is told. */
interface Start<Task> {
  readonly gate: SharedArrayBuffer;
  readonly task: Task;
}

/**
 * Starts threads, lets all of them go at one moment, and waits for what they say.
 *
 * @param script calls {@link serve}, @param task what each gets; they count from 1
 */
export async function inThreads<Task, Answer>(
  count: number,
  script: URL,
  task: (thread: number) => Task,
): Promise<Answer[]> {
  const gate = new SharedArrayBuffer(4);
  const open = new Int32Array(gate);
  const workers = Array.from({ length: count }, () => new Worker(script, { type: "module" }));
  const arrived = Promise.withResolvers<void>();
  let ready = 0;
  const answers = workers.map((worker, index) =>
    new Promise<Answer>((resolve, reject) => {
      worker.onerror = (event) => {
        event.preventDefault();
        reject(new Error(event.message));
        arrived.resolve();
      };
      worker.onmessage = ({ data }: MessageEvent<{ ready: true } | { answer: Answer }>) => {
        if ("answer" in data) resolve(data.answer);
        else if (++ready === count) arrived.resolve();
      };
      const start: Start<Task> = { gate, task: task(index + 1) };
      worker.postMessage(start);
    })
  );
  const done = Promise.all(answers);
  done.catch(() => {});
  await arrived.promise;
  Atomics.store(open, 0, 1);
  Atomics.notify(open, 0);
  try {
    return await done;
  } finally {
    for (const worker of workers) worker.terminate();
  }
}

/** In a thread of {@link inThreads}: does the work as soon as all threads are there. */
export function serve<Task>(work: (task: Task) => unknown): void {
  // The scope of a dedicated worker; the page-wide types name the window instead.
  const scope = self as unknown as DedicatedWorkerGlobalScope;
  scope.onmessage = ({ data }: MessageEvent<Start<Task>>) => {
    scope.postMessage({ ready: true });
    Atomics.wait(new Int32Array(data.gate), 0, 0);
    scope.postMessage({ answer: work(data.task) });
  };
}
