/** What the program tells of itself, live, while things happen to it. @module */

import assert from "node:assert/strict";
import { z } from "zod";
import { backends, listener } from "../support/configs.ts";
import { familyTest } from "../support/families.ts";
import { freePort } from "../support/ports.ts";
import { RunningWeir } from "../support/program.ts";
import { nameServer, readName } from "../support/servers.ts";
import { until } from "../support/wait.ts";

const eventSchema = z.object({
  id: z.int(),
  kind: z.string(),
  severity: z.string(),
  listener: z.string().nullable(),
  server: z.string().nullable(),
  message: z.string(),
  details: z.record(z.string(), z.unknown()),
});
type Event = z.infer<typeof eventSchema>;

/** A reader of a stream of events that never stops reading. */
class Follower {
  readonly events: Event[] = [];
  readonly ended: Promise<void>;

  constructor(response: Response) {
    assert.equal(response.status, 200);
    this.ended = this.#read(response);
  }

  /** Waits for an event of a kind, and forgets it and those before it. */
  async next(kind: string): Promise<Event> {
    const at = await until(`an event ${kind}`, () => {
      const found = this.events.findIndex((event) => event.kind === kind);
      return found < 0 ? undefined : { found };
    });
    const [event] = this.events.splice(0, at.found + 1).slice(-1);
    assert.ok(event !== undefined);
    return event;
  }

  async #read(response: Response): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const chunk of response.body ?? []) {
      const parts = (rest + decoder.decode(chunk, { stream: true })).split("\n\n");
      rest = parts.pop() ?? "";
      for (const part of parts) {
        const data = /^data: (.+)$/m.exec(part)?.[1];
        if (data !== undefined) this.events.push(eventSchema.parse(JSON.parse(data)));
      }
    }
  }
}

async function follow(running: RunningWeir, query = ""): Promise<Follower> {
  return new Follower(
    await fetch(`http://127.0.0.1:${running.adminPort}/v1/events${query}`, {
      headers: { accept: "text/event-stream" },
    }),
  );
}

familyTest("GET /v1/events tells live what happens to listeners, servers, clients and reloads", async (address) => {
  await using server = nameServer("a", { hostname: address });
  const gone = freePort(address);
  const [port, other] = [freePort(address), freePort(address)];
  const group = backends([{ address, port: server.port }, { address, port: gone, weight: 100 }], {
    healthCheck: { interval: 300, passive: true },
  });
  const web = listener(port, group, { address });
  const settings = { ipGroups: { nobody: ["192.0.2.1"] }, shutdown: { drainTimeout: 1 } };
  await using running = await RunningWeir.start({ ...settings, listeners: [web] });
  const key = (port: number) => address === "::1" ? `[::1]:${port}` : `127.0.0.1:${port}`;
  const events = await follow(running, "?since=0");

  const started = await events.next("listener_started");
  assert.deepEqual([started.severity, started.listener, started.server], ["info", "web", null]);
  assert.equal(started.message, `Listener "web" accepts TCP on ${key(port)}`);

  const down = await until("the server that is not there is Abnormal", async () => {
    await readName(port, address);
    return events.events.find(({ kind, details }) => kind === "health_changed" && details["to"] === "Abnormal");
  });
  assert.deepEqual([down.severity, down.listener, down.server], ["warning", "web", key(gone)]);

  await running.admin(`/v1/listeners/web/servers/${encodeURIComponent(key(server.port))}`, {
    method: "PATCH",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ weight: 7 }),
  });
  const changed = await events.next("server_changed");
  assert.deepEqual([changed.listener, changed.server], ["web", key(server.port)]);

  assert.equal((await running.reload({ ...settings, listeners: [{ ...web, port: -1 }] })).status, 422);
  const refused = await events.next("reload_refused");
  assert.deepEqual([refused.severity, refused.details["trigger"]], ["error", "api"]);
  assert.match(refused.message, /port: must be/);

  const closed = { ...web, accessControl: { mode: "whitelist", groups: ["nobody"] } };
  assert.equal((await running.reload({ ...settings, listeners: [closed] })).status, 200);
  await events.next("reloaded");
  for (let count = 0; count < 3; count++) assert.equal(await readName(port, address), "");
  const turned = await events.next("connections_refused");
  assert.deepEqual([turned.severity, turned.listener, turned.details["reason"]], ["info", "web", "denied"]);

  assert.equal((await running.reload({ ...settings, listeners: [{ ...closed, port: other }] })).status, 200);
  assert.equal((await events.next("listener_replaced")).message, `Listener "web" accepts TCP on ${key(other)}`);
  await events.next("listener_draining");
  const last = await events.next("listener_stopped");

  // Who comes back goes on where it was.
  const resumed = await follow(running, `?since=${last.id - 1}`);
  assert.equal((await resumed.next("listener_stopped")).id, last.id);

  running.signal("SIGTERM");
  await events.next("stopping");
  await events.next("listener_stopped");
  await Promise.all([events.ended, resumed.ended]);
  assert.equal(await running.ended(), 0);
  // The log uses the same words.
  assert.match(running.log, /"event":"connections_refused"|"event":"reload_refused"/);
});

Deno.test("a crowd of readers of events, and some that read nothing, hold up nobody", async () => {
  await using server = nameServer("a");
  const port = freePort();
  await using running = await RunningWeir.start({ listeners: [listener(port, backends([server.port]))] });
  const request = `GET /v1/events?since=0 HTTP/1.1\r\nhost: 127.0.0.1\r\naccept: text/event-stream\r\n\r\n`;
  const sockets: Deno.TcpConn[] = [];
  const statuses = new Map<string, number>();
  try {
    for (let count = 0; count < 200; count++) {
      const socket = await Deno.connect({ hostname: "127.0.0.1", port: running.adminPort });
      sockets.push(socket);
      await socket.write(new TextEncoder().encode(request));
      const head = new Uint8Array(12);
      await socket.read(head);
      const status = new TextDecoder().decode(head).slice(9);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
    assert.deepEqual(Object.fromEntries(statuses), { 200: 50, 503: 150 });
    for (let count = 0; count < 20; count++) assert.equal(await readName(port), "a");
    assert.equal((await running.admin("/v1/events")).status, 200);
  } finally {
    for (const socket of sockets) socket.close();
  }
  // They have gone, and their places are free again.
  await until("a new reader gets in", async () => {
    const response = await fetch(`http://127.0.0.1:${running.adminPort}/v1/events`, {
      headers: { accept: "text/event-stream" },
    });
    await response.body?.cancel();
    return response.status === 200;
  }, 40);
});
