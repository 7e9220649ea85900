/** TLS as a stream of plain bytes: what goes in comes out, and every end is what it is. @module */

import assert from "node:assert/strict";
import fc from "fast-check";
import { isOurMistake } from "../../../../src/session/relay.ts";
import type { TlsStream } from "../../../../src/net/tls/tls_stream.ts";
import { peerTest } from "../../../support/peers.ts";
import { readAll, writeAll } from "../../../support/servers.ts";
import { until } from "../../../support/wait.ts";
import { accepted, gotIn, NodeClient, ROOT, settingsOf } from "./bench.ts";
import { Wire } from "./wire.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** A client of the runtime, a wire, and the engine at its end, after their handshake. */
class Line implements AsyncDisposable {
  readonly client: Deno.TlsConn;
  readonly server: TlsStream;
  readonly wire: Wire;

  private constructor(client: Deno.TlsConn, server: TlsStream, wire: Wire) {
    this.client = client;
    this.server = server;
    this.wire = wire;
  }

  static async open(): Promise<Line> {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const wire = new Wire(listener.addr.port);
    const [client, result] = await Promise.all([
      Deno.connectTls({ hostname: "localhost", port: wire.port, caCerts: [ROOT.certPem] }).then(async (client) => {
        await client.handshake();
        return client;
      }),
      listener.accept().then((connection) => accepted(connection, settingsOf())),
    ]);
    gotIn(result);
    return new Line(client, result.stream, wire);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.close();
    try {
      this.client.close();
    } catch { /* closed before */ }
    await this.wire[Symbol.asyncDispose]();
  }
}

interface Stream {
  read(buffer: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
  closeWrite(): Promise<void>;
}

/** Reads to the end with buffers of these sizes in turn. */
async function readWith(stream: Stream, sizes: readonly number[]): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for (let turn = 0;; turn++) {
    const buffer = new Uint8Array(sizes[turn % sizes.length] ?? 1);
    const count = await stream.read(buffer);
    if (count === null) break;
    assert.ok(count > 0 && count <= buffer.length);
    parts.push(buffer.subarray(0, count));
  }
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

async function writeParts(stream: Stream, all: Uint8Array, sizes: readonly number[]): Promise<void> {
  for (let at = 0, turn = 0; at < all.length; turn++) {
    const size = sizes[turn % sizes.length] ?? 1;
    await writeAll(stream, all.subarray(at, at + size));
    at += size;
  }
  await stream.closeWrite();
}

/** Bytes that are nowhere the same for long. */
function pattern(length: number, seed: number): Uint8Array<ArrayBuffer> {
  let state = seed;
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  });
}

const sizes = fc.array(fc.integer({ min: 1, max: 70_000 }), { minLength: 1, maxLength: 5 });

Deno.test("TlsStream carries every byte both ways at once, whatever the sizes of writes and buffers", async () => {
  const length = fc.integer({ min: 0, max: 200_000 });
  await fc.assert(
    fc.asyncProperty(length, length, sizes, sizes, sizes, async (up, down, writes, answers, reads) => {
      await using line = await Line.open();
      const [sent, answered] = [pattern(up, up), pattern(down, down + 1)];
      const [, , got, gotBack] = await Promise.all([
        writeParts(line.client, sent, writes),
        writeParts(line.server, answered, answers),
        readWith(line.server, reads),
        readWith(line.client, reads),
      ]);
      assert.deepEqual(got, sent);
      assert.deepEqual(gotBack, answered);
    }),
    { numRuns: 15 },
  );
});

for (const size of [1, 16_384, 16_385, 48 * 1024, 48 * 1024 + 1, 65_536, 200_000, 5_000_000]) {
  Deno.test(`TlsStream.write() of ${size} bytes at once says so many, and all of them arrive`, async () => {
    await using line = await Line.open();
    const sent = pattern(size, 7);
    const [written, got] = await Promise.all([
      line.server.write(sent).then(async (written) => {
        await line.server.closeWrite();
        return written;
      }),
      readAll(line.client),
    ]);
    assert.deepEqual([written, got.length], [size, size]);
    assert.ok(got.every((byte, index) => byte === sent[index]));
  });
}

Deno.test("TlsStream.write() does not keep the buffer it was given", async () => {
  await using line = await Line.open();
  const buffer = bytes("first");
  const writing = line.server.write(buffer);
  buffer.set(bytes("wrong"));
  await writing;
  await line.server.closeWrite();
  assert.equal(text(await readAll(line.client)), "first");
});

Deno.test("TlsStream.write() of nothing is nothing", async () => {
  await using line = await Line.open();
  assert.equal(await line.server.write(new Uint8Array(0)), 0);
  await line.server.write(bytes("x"));
  await line.server.closeWrite();
  assert.equal(text(await readAll(line.client)), "x");
});

Deno.test("TlsStream.read() into one byte gives one after the other", async () => {
  await using line = await Line.open();
  const sent = pattern(3000, 3);
  const [got] = await Promise.all([readWith(line.server, [1]), writeParts(line.client, sent, [3000])]);
  assert.deepEqual(got, sent);
});

/** Writes for as long as somebody takes it. @returns how much has been taken, and how to stop */
function flood(stream: Stream, most: number): { written: number; readonly done: Promise<void> } {
  const piece = pattern(65_536, 5);
  const state = { written: 0, done: Promise.resolve() };
  state.done = (async () => {
    while (state.written < most) state.written += await stream.write(piece);
    await stream.closeWrite();
  })();
  return state;
}

/** Waits until a number stays the same. */
async function stalled(look: () => number): Promise<number> {
  let [before, same] = [-1, 0];
  await until("nothing moves any more", () => {
    same = look() === before ? same + 1 : 0;
    before = look();
    return before > 0 && same === 15;
  });
  return before;
}

const MUCH = 64 * 1024 * 1024;

for (const from of ["server", "client"] as const) {
  Deno.test(`TlsStream holds the ${from} up when the other side does not read, and loses nothing`, async () => {
    await using line = await Line.open();
    const [writer, reader] = from === "server" ? [line.server, line.client] : [line.client, line.server];
    const state = flood(writer, MUCH);
    const held = await stalled(() => state.written);
    assert.ok(held < MUCH / 2, `${held} bytes are on their way`);
    const buffer = new Uint8Array(65_536);
    let got = 0;
    for (let count = await reader.read(buffer); count !== null; count = await reader.read(buffer)) got += count;
    await state.done;
    assert.deepEqual([got, state.written], [MUCH, MUCH]);
  });
}

Deno.test("TlsStream gives memory back as it goes: what has passed is not left to the collector", async () => {
  // Without the wire, which copies.
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const connecting = Deno.connectTls({ hostname: "localhost", port: listener.addr.port, caCerts: [ROOT.certPem] });
  const result = await accepted(await listener.accept(), settingsOf());
  gotIn(result);
  using client = await connecting;
  const { stream: server } = result;
  const before = Deno.memoryUsage().external;
  let most = 0;
  for (const [from, to] of [[client, server], [server, client]] as const) {
    const passing = flood(from, MUCH).done;
    const buffer = new Uint8Array(65_536);
    for (let count = await to.read(buffer); count !== null; count = await to.read(buffer)) {
      most = Math.max(most, Deno.memoryUsage().external);
    }
    await passing;
  }
  assert.ok(most - before < MUCH / 8, `${most - before} bytes`);
  server.close();
});

Deno.test("TlsStream.closeWrite() ends one direction, and the other goes on", async () => {
  await using line = await Line.open();
  await line.server.write(bytes("bye"));
  await line.server.closeWrite();
  assert.equal(text(await readAll(line.client)), "bye", "a clean end: the client would throw without close_notify");
  await writeAll(line.client, bytes("still here"));
  await line.client.closeWrite();
  assert.equal(text(await readAll(line.server)), "still here");
});

Deno.test("TlsStream.read() sees the client's end, and the client can still be answered", async () => {
  await using line = await Line.open();
  await writeAll(line.client, bytes("question"));
  await line.client.closeWrite();
  assert.equal(text(await readAll(line.server)), "question");
  assert.equal(await line.server.read(new Uint8Array(1)), null, "the end stays the end");
  await line.server.write(bytes("answer"));
  await line.server.closeWrite();
  assert.equal(text(await readAll(line.client)), "answer");
});

Deno.test("TlsStream.close() sends no close_notify: the client is not to take a broken answer for a whole one", async () => {
  await using line = await Line.open();
  await line.server.write(bytes("half an ans"));
  line.server.close();
  await assert.rejects(readAll(line.client), Deno.errors.UnexpectedEof);
});

Deno.test("TlsStream.read() throws UnexpectedEof when the client goes without close_notify", async () => {
  await using line = await Line.open();
  await writeAll(line.client, bytes("half a quest"));
  const buffer = new Uint8Array(100);
  assert.equal(await line.server.read(buffer), 12);
  await line.wire.endToServer();
  await assert.rejects(line.server.read(buffer), Deno.errors.UnexpectedEof);
  await assert.rejects(line.server.read(buffer), Deno.errors.UnexpectedEof, "and again");
  await line.server.write(bytes("who?"));
  await line.server.closeWrite();
  assert.equal(text(await readAll(line.client)), "who?", "it can still be answered");
});

Deno.test("TlsStream.read() throws UnexpectedEof when the connection ends within a record", async () => {
  await using line = await Line.open();
  let left = 1000;
  line.wire.toServer = (bytes) => {
    const part = bytes.subarray(0, left);
    left -= part.length;
    return part;
  };
  await writeAll(line.client, new Uint8Array(5000));
  await until("the wire is cut", () => left === 0);
  await line.wire.endToServer();
  await assert.rejects(readAll(line.server), Deno.errors.UnexpectedEof);
});

Deno.test("TlsStream.read() throws when a byte was changed on the way, after what came before it", async () => {
  await using line = await Line.open();
  await writeAll(line.client, bytes("good"));
  const buffer = new Uint8Array(100);
  assert.equal(await line.server.read(buffer), 4);
  line.wire.toServer = (bytes) => bytes.with(bytes.length - 1, (bytes.at(-1) ?? 0) ^ 1);
  await writeAll(line.client, bytes("evil"));
  await assert.rejects(line.server.read(buffer), (error) => {
    assert.equal(isOurMistake(error), false, "it is the client's");
    return true;
  });
  await assert.rejects(line.server.read(buffer));
});

Deno.test("TlsStream refuses everything after close(), which may come twice", async () => {
  await using line = await Line.open();
  line.server.close();
  line.server.close();
  const { BadResource } = Deno.errors;
  await assert.rejects(line.server.read(new Uint8Array(1)), BadResource);
  await assert.rejects(line.server.write(bytes("x")), BadResource);
  await assert.rejects(line.server.closeWrite(), BadResource);
});

Deno.test("TlsStream.close() ends a read and a write that wait", async () => {
  await using line = await Line.open();
  const reading = line.server.read(new Uint8Array(10));
  const state = flood(line.server, MUCH);
  for (const call of [reading, state.done]) call.catch(() => {}); // looked at below
  await stalled(() => state.written);
  line.server.close();
  await assert.rejects(reading);
  // Deno before 2.9.5 does not end a write that waits.
  if (!Deno.version.deno.startsWith("2.7.")) await assert.rejects(state.done);
});

Deno.test("TlsStream.write() after closeWrite() fails, and nothing of it is sent", async () => {
  await using line = await Line.open();
  await line.server.closeWrite();
  await assert.rejects(line.server.write(bytes("too late")));
  assert.equal((await readAll(line.client)).length, 0);
});

Deno.test("TlsStream.write() to a client that has gone fails in the end", async () => {
  await using line = await Line.open();
  await line.wire[Symbol.asyncDispose]();
  await assert.rejects(flood(line.server, MUCH).done);
});

Deno.test("TlsStream understands node:tls, over TLS 1.2 and 1.3", async () => {
  for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    await using client = new NodeClient(listener.addr.port, { maxVersion });
    const result = await accepted(await listener.accept(), settingsOf());
    gotIn(result);
    const { stream } = result;
    const sent = pattern(150_000, 9);
    client.socket.end(sent);
    const got: Uint8Array[] = [];
    client.socket.on("data", (chunk: Uint8Array) => got.push(chunk));
    const received = await readAll(stream);
    assert.deepEqual(received, sent, maxVersion);
    await writeAll(stream, received);
    await stream.closeWrite();
    await client.closed;
    stream.close();
    assert.equal(got.reduce((sum, chunk) => sum + chunk.length, 0), sent.length, maxVersion);
    assert.equal(client.error, "");
  }
});

peerTest(
  "TlsStream goes on through key updates of openssl s_client, asked for and not",
  ["openssl"],
  async ({ openssl }) => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const child = new Deno.Command(openssl, {
      args: ["s_client", "-connect", `127.0.0.1:${listener.addr.port}`, "-servername", "localhost", "-tls1_3"],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const output = new Response(child.stdout).text();
    let notes = "";
    const noting = child.stderr.pipeThrough(new TextDecoderStream()).pipeTo(
      new WritableStream({ write: (chunk) => void (notes += chunk) }),
    );
    const result = await accepted(await listener.accept(), settingsOf());
    gotIn(result);
    const { stream } = result;
    const input = child.stdin.getWriter();
    const buffer = new Uint8Array(100);
    // K asks the server to update its keys as well, k does not.
    for (const [round, command] of ["K", "k", "K"].entries()) {
      await input.write(bytes(`${command}\n`));
      // What it reads together with a command is lost.
      await until("the command was taken", () => notes.split("KEYUPDATE").length === round + 2);
      await input.write(bytes(`after ${command}\n`));
      let line = "";
      while (!line.endsWith("\n")) {
        const count = await stream.read(buffer);
        assert.ok(count !== null);
        await stream.write(buffer.subarray(0, count));
        line += text(buffer.subarray(0, count));
      }
      assert.equal(line, `after ${command}\n`);
    }
    await stream.closeWrite();
    await input.close().catch(() => {});
    await child.status;
    await noting;
    stream.close();
    assert.match(await output, /after K\n[^]*after k\n[^]*after K\n/);
  },
);
