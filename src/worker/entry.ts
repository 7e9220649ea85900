/**
 * Where a worker starts: it takes requests, hands them to its listeners and answers. Nothing else happens here.
 *
 * @module
 */

import { AccessRecorder } from "../access_log/recorder.ts";
import { Capacity, type CapacityMemory } from "../board/capacity.ts";
import { messageOf } from "../errors.ts";
import { probe } from "../health/probe.ts";
import { type FromWorker, HEARTBEAT_MS, type InstanceId, type ToWorker, type WorkerRequest } from "../messages.ts";
import { BufferPool } from "../net/buffers.ts";
import { CheckedByAuthority } from "../net/tls/client_certificate.ts";
import { DeadlineWheel } from "../net/deadlines.ts";
import { RunningListener } from "./listener.ts";
import type { ListenerEnvironment } from "./listener_environment.ts";

// The scope of a dedicated worker; the page-wide types name the window instead.
const scope = self as unknown as DedicatedWorkerGlobalScope;
const send = (message: FromWorker) => scope.postMessage(message);

/** Milliseconds between two messages about a shortage. */
const SHORTAGE_EVERY_MS = 20;

let accessTaken = new Int32Array(new SharedArrayBuffer(4));
const accessLog = new AccessRecorder({
  send: (batch) => scope.postMessage({ kind: "access", ...batch } satisfies FromWorker, [batch.bytes.buffer]),
  taken: () => Atomics.load(accessTaken, 0),
  after: (milliseconds, call) => void setTimeout(call, milliseconds),
});

let environment: ListenerEnvironment | undefined;

function environmentWith(memory: CapacityMemory): ListenerEnvironment {
  const capacity = new Capacity(memory);
  let toldAt = -Infinity;
  return {
    accessLog,
    wheel: new DeadlineWheel(),
    buffers: new BufferPool(capacity),
    capacity,
    onShortage: (error) => {
      capacity.shortage();
      if (performance.now() - toldAt < SHORTAGE_EVERY_MS) return;
      toldAt = performance.now();
      send({ kind: "shortage", error: messageOf(error) });
    },
    now: () => performance.now(),
    every: (milliseconds, call) => {
      const timer = setInterval(call, milliseconds);
      return () => clearInterval(timer);
    },
    checkedCertificates: new CheckedByAuthority(),
    log: (level, message, fields = {}) => send({ kind: "log", level, message, fields }),
    checker: {
      probe,
      after: (seconds, call) => {
        const timer = setTimeout(call, seconds * 1000);
        return () => clearTimeout(timer);
      },
      random: Math.random,
      now: Date.now,
    },
    onHealth: (listener, server, transition) =>
      send({ kind: "health", listener, server: server.plan.key, ...transition }),
    onProbe: (listener, server, error) => send({ kind: "probe", listener, server: server.plan.key, error }),
  };
}

const listeners = new Map<InstanceId, RunningListener>();

async function handle(request: WorkerRequest): Promise<void> {
  if (request.kind === "open") {
    if (environment === undefined) throw new Error("A worker is asked for something before it was greeted");
    listeners.set(request.instance, new RunningListener(request, environment));
    return;
  }
  const listener = listeners.get(request.instance);
  if (listener === undefined) throw new Error(`No listener "${request.instance}" runs in this worker`);
  switch (request.kind) {
    case "accept":
      return listener.start();
    case "probe":
      return listener.probe();
    case "update":
      return listener.update(request.plan, request.memory);
    case "prepare":
      return listener.prepare(request.plan);
    case "forgo":
      return listener.forgo();
    case "suspend":
      return listener.suspend(request.ports);
    case "resume":
      return listener.resume(request.sockets);
    case "split":
      return listener.split();
    case "stop":
      await listener.stop(request.drainTimeout, (left, ended) => {
        send({ kind: "draining", instance: request.instance, left, ended });
      });
      listeners.delete(request.instance);
      // Before the answer: this worker may be ended right after it.
      accessLog.flush();
  }
}

async function answer(id: number, request: WorkerRequest): Promise<void> {
  try {
    await handle(request);
    send({ kind: "answer", id, error: null });
  } catch (error) {
    send({ kind: "answer", id, error: messageOf(error) });
  }
}

function beat(heartbeat: Int32Array): void {
  Atomics.add(heartbeat, 0, 1);
}

scope.onmessage = ({ data }: MessageEvent<ToWorker>) => {
  if (data.kind === "hello") {
    const heartbeat = new Int32Array(data.heartbeat);
    accessTaken = new Int32Array(data.accessTaken);
    environment = environmentWith(data.capacity);
    setInterval(() => beat(heartbeat), HEARTBEAT_MS);
    send({ kind: "ready" });
  } else {
    void answer(data.id, data);
  }
};

// A fault that no session caught is a mistake of ours; it must not take the other connections down.
scope.addEventListener("unhandledrejection", (event) => {
  event.preventDefault();
  const error = event.reason instanceof Error ? event.reason.stack ?? event.reason.message : String(event.reason);
  send({ kind: "log", level: "error", message: "Unhandled rejection in a worker", fields: { error } });
});
