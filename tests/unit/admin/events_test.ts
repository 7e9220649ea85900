/** Events in the admin API. @module */

import assert from "node:assert/strict";
import { z } from "@hono/zod-openapi";
import { HEARTBEAT_MS, MOST_STREAMS } from "../../../src/admin/event_streams.ts";
import { eventSchema } from "../../../src/admin/events.ts";
import { problemSchema } from "../../../src/admin/problem.ts";
import { serveAdmin } from "../../../src/admin/server.ts";
import { REMEMBERED_EVENTS } from "../../../src/control/event_log.ts";
import { freePort } from "../../support/ports.ts";
import { until } from "../../support/wait.ts";
import { AdminBench } from "./bench.ts";

const listSchema = z.strictObject({ events: z.array(z.strictObject(eventSchema.shape)) });
const STREAM = { accept: "text/event-stream" };

function happen(bench: AdminBench, ...messages: readonly string[]): void {
  for (const message of messages) {
    bench.events.add({
      kind: "listener_started",
      severity: "info",
      listener: "front",
      server: null,
      message,
      details: { event: "x" },
    });
  }
}

async function list(bench: AdminBench, query = ""): Promise<string> {
  const response = await bench.request(`/v1/events${query}`);
  assert.equal(response.status, 200);
  return listSchema.parse(await response.json()).events.map(({ message }) => message).join(" ");
}

/** A reader of a stream, piece by piece. */
class Reader {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;

  constructor(response: Response) {
    assert.equal(response.status, 200);
    assert.equal(response.headers.get("content-type"), "text/event-stream; charset=utf-8");
    assert.equal(response.headers.get("cache-control"), "no-store");
    assert.ok(response.body !== null);
    this.#reader = response.body.getReader();
  }

  /** The next piece; `undefined` at the end. */
  async next(): Promise<string | undefined> {
    const { value } = await this.#reader.read();
    return value === undefined ? undefined : new TextDecoder().decode(value);
  }

  /** The messages of the next piece. */
  async messages(): Promise<string> {
    return messagesOf(await this.next() ?? "").join(" ");
  }

  async cancel(): Promise<void> {
    await this.#reader.cancel();
  }
}

function messagesOf(text: string): string[] {
  return [...text.matchAll(/^id: (\d+)\ndata: (.+)\n\n/gm)].map(([, id, data]) => {
    const event = z.strictObject(eventSchema.shape).parse(JSON.parse(data ?? ""));
    assert.equal(event.id, Number(id));
    return event.message;
  });
}

async function open(bench: AdminBench, headers: Record<string, string> = {}, query = ""): Promise<Reader> {
  return new Reader(await bench.request(`/v1/events${query}`, { headers: { ...STREAM, ...headers } }));
}

Deno.test("GET /v1/events lists what happened, oldest first", async () => {
  const bench = new AdminBench();
  assert.equal(await list(bench), "");
  const before = bench.events.lastId;
  happen(bench, "a", "b", "c", "d");
  assert.equal(await list(bench), "a b c d");
  assert.equal(await list(bench, "?limit=2"), "c d");
  assert.equal(await list(bench, "?since=0"), "a b c d");
  assert.equal(await list(bench, "?since=0&limit=2"), "a b");
  assert.equal(await list(bench, `?since=${before + 2}&limit=1`), "c");
  assert.equal(await list(bench, `?since=${before + 4}`), "");
  assert.equal(await list(bench, `?since=${before + 5}`), "a b c d");
  happen(bench, ...Array.from({ length: REMEMBERED_EVENTS }, (_, index) => String(index)));
  assert.equal((await list(bench)).split(" ").length, 100);
  assert.equal((await list(bench, "?limit=1000")).split(" ").length, REMEMBERED_EVENTS);
});

for (const query of ["limit=0", "limit=1001", "limit=x", "limit=-1", "limit=1.5", "since=", "since=1e3", "since=-1"]) {
  Deno.test(`GET /v1/events?${query} is a 400 problem`, async () => {
    const response = await new AdminBench().request(`/v1/events?${query}`);
    assert.equal(response.status, 400);
    assert.match(problemSchema.parse(await response.json()).detail, /^(limit|since): must be /);
  });
}

Deno.test("GET /v1/events as a stream begins with what happens next, and sends each event at once", async () => {
  const bench = new AdminBench();
  happen(bench, "old");
  const reader = await open(bench);
  assert.equal(await reader.next(), "retry: 3000\n\n");
  const next = reader.messages();
  happen(bench, "a");
  assert.equal(await next, "a");
  happen(bench, "b", "c");
  assert.equal(await reader.messages(), "b c");
  await reader.cancel();
  assert.deepEqual([bench.eventStreams.size, bench.clock.timers], [0, 0]);
});

Deno.test("GET /v1/events as a stream goes on after Last-Event-ID, or since, without a gap", async () => {
  const bench = new AdminBench();
  const before = bench.events.lastId;
  happen(bench, "a", "b", "c");
  const cases: readonly (readonly [headers: Record<string, string>, query: string, expected: string])[] = [
    [{ "last-event-id": String(before + 1) }, "", "b c"],
    [{}, `?since=${before + 2}`, "c"],
    [{ "last-event-id": String(before + 1) }, `?since=${before + 2}`, "b c"],
    [{}, "?since=0", "a b c"],
    [{ "last-event-id": "0" }, "", "a b c"],
    // Of a run that was, or was never given.
    [{ "last-event-id": "17" }, "", "a b c"],
    [{ "last-event-id": String(before + 1000) }, "", "a b c"],
    [{ "last-event-id": "nonsense" }, "", ""],
    [{ "last-event-id": "nonsense" }, "?since=0", "a b c"],
  ];
  for (const [headers, query, expected] of cases) {
    const reader = await open(bench, headers, query);
    assert.equal(await reader.messages(), expected, JSON.stringify([headers, query]));
    await reader.cancel();
  }
});

Deno.test("GET /v1/events as a stream of all that is remembered comes in pieces, complete", async () => {
  const bench = new AdminBench();
  const all = Array.from({ length: REMEMBERED_EVENTS }, (_, index) => String(index));
  happen(bench, ...all);
  const reader = await open(bench, {}, "?since=0");
  const got: string[] = [];
  while (got.length < all.length) {
    const piece = messagesOf(await reader.next() ?? "");
    assert.ok(piece.length > 0 && piece.length <= 100);
    got.push(...piece);
  }
  assert.deepEqual(got, all);
  await reader.cancel();
});

Deno.test("GET /v1/events as a stream shows a sign of life every 15 s", async () => {
  const bench = new AdminBench();
  const reader = await open(bench);
  await reader.next();
  for (let count = 0; count < 5; count++) {
    const next = reader.next();
    await bench.clock.run(HEARTBEAT_MS);
    assert.equal(await next, ": still here\n\n");
  }
  assert.equal(HEARTBEAT_MS, 15_000);
  await reader.cancel();
});

Deno.test("a reader of events that reads nothing any more is dropped, and gives its place back", async () => {
  const bench = new AdminBench();
  const stalled = await open(bench);
  const other = await open(bench);
  await other.next();
  await stalled.next();
  for (let beat = 0; beat < 3; beat++) {
    // The other one reads.
    const next = other.next();
    await bench.clock.run(HEARTBEAT_MS);
    await next;
  }
  assert.equal(bench.eventStreams.size, 1);
  assert.equal(await stalled.next(), undefined);
  const next = other.messages();
  happen(bench, "a");
  assert.equal(await next, "a");
  await other.cancel();
});

Deno.test("a reader of events that is more than the memory behind is dropped", async () => {
  const bench = new AdminBench();
  const slow = await open(bench);
  await slow.next();
  happen(bench, ...Array.from({ length: REMEMBERED_EVENTS }, () => "x"));
  assert.equal((await slow.messages()).length, 199, "a thousand behind is not too much");
  happen(bench, ...Array.from({ length: REMEMBERED_EVENTS + 100 }, () => "y"));
  assert.equal(await slow.next(), undefined);
  assert.deepEqual([bench.eventStreams.size, bench.clock.timers], [0, 0]);
});

Deno.test("one stream of events more than may be is a 503 problem, until another ends", async () => {
  const bench = new AdminBench();
  const readers: Reader[] = [];
  for (let count = 0; count < MOST_STREAMS; count++) readers.push(await open(bench));
  const refused = await bench.request("/v1/events", { headers: STREAM });
  assert.equal(refused.status, 503);
  assert.equal(problemSchema.parse(await refused.json()).type, "urn:weir:problem:too_many_streams");
  assert.equal(await list(bench), "", "lists are still had");
  await readers[7]?.cancel();
  readers.push(await open(bench));
  for (const reader of readers) await reader.cancel();
  assert.equal(bench.eventStreams.size, 0);
});

Deno.test("a stream of events ends when the token changes, and shows nothing more", async () => {
  const bench = new AdminBench();
  bench.token = "old";
  assert.equal((await bench.request("/v1/events", { headers: STREAM })).status, 401);
  const reader = await open(bench, { authorization: "Bearer old" });
  await reader.next();
  bench.token = "new";
  const next = reader.next();
  happen(bench, "secret");
  assert.equal(await next, undefined);
  assert.equal(bench.eventStreams.size, 0);
});

Deno.test("EventStreams.close() ends every stream", async () => {
  const bench = new AdminBench();
  const [idle, waiting] = [await open(bench), await open(bench)];
  await waiting.next();
  const next = waiting.next();
  bench.eventStreams.close();
  assert.deepEqual([await next, await idle.next(), bench.eventStreams.size, bench.clock.timers], [
    undefined,
    undefined,
    0,
    0,
  ]);
});

Deno.test("over a socket: readers that go away, stall or are cut off leave nothing behind", async () => {
  const bench = new AdminBench();
  const port = freePort();
  const server = serveAdmin({ address: "127.0.0.1", port }, (request) => bench.api.fetch(request));
  const url = `http://127.0.0.1:${port}/v1/events`;
  // Goes away.
  for (let count = 0; count < MOST_STREAMS + 10; count++) {
    const abort = new AbortController();
    const response = await fetch(url, { headers: STREAM, signal: abort.signal });
    assert.equal(response.status, 200);
    abort.abort();
    await response.body?.cancel().catch(() => {});
    await until("the stream is over", () => bench.eventStreams.size === 0);
  }
  // Reads nothing: what is sent fills the buffers of the system, then it stalls.
  const stalled = await Deno.connect({ hostname: "127.0.0.1", port });
  await stalled.write(new TextEncoder().encode(
    `GET /v1/events HTTP/1.1\r\nhost: 127.0.0.1\r\naccept: text/event-stream\r\n\r\n`,
  ));
  await until("the stream is open", () => bench.eventStreams.size === 1);
  await until("the stream is dropped", async () => {
    happen(bench, ...Array.from({ length: 900 }, () => "x".repeat(3000)));
    await bench.clock.run(HEARTBEAT_MS);
    return bench.eventStreams.size === 0;
  });
  stalled.close();
  // The server is well.
  assert.equal((await (await fetch(`${url}?limit=1`)).json()).events.length, 1);
  // Cut off when the server closes.
  const response = await fetch(url, { headers: STREAM });
  await until("the stream is open", () => bench.eventStreams.size === 1);
  bench.eventStreams.close();
  assert.equal(await response.text(), "retry: 3000\n\n");
  await server.close();
});
