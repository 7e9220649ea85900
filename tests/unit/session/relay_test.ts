/** The relay over streams in memory: every byte, and never more than one buffer each way. @module */

import assert from "node:assert/strict";
import fc from "fast-check";
import { LARGE_BUFFER, MEDIUM_BUFFER, SMALL_BUFFER } from "../../../src/net/buffers.ts";
import { RELAY_MEMORY, type Side } from "../../../src/session/relay.ts";
import { settled } from "../fake_clock.ts";
import { bytesOf, joined, quiet, RelayBench } from "./relay_bench.ts";

Deno.test("relay passes every byte on, in order, however reads and writes are cut", async () => {
  const chunk = fc.oneof(
    fc.uint8Array({ minLength: 1, maxLength: 40 }),
    fc.integer({ min: 1, max: 3 * SMALL_BUFFER }).map((size) => new Uint8Array(size).map((_, index) => index % 251)),
    fc.integer({ min: 1, max: 3 * MEDIUM_BUFFER }).map((size) => new Uint8Array(size).map((_, index) => index % 247)),
    fc.constantFrom(SMALL_BUFFER, SMALL_BUFFER + 1, MEDIUM_BUFFER, MEDIUM_BUFFER + 1, LARGE_BUFFER, LARGE_BUFFER + 1)
      .map((size) => new Uint8Array(size).map((_, index) => index % 241)),
  );
  const chunks = fc.array(chunk, { maxLength: 12 });
  const sizes = fc.array(fc.oneof(fc.integer({ min: 1, max: 7000 }), fc.constant(Infinity)), {
    minLength: 1,
    maxLength: 8,
  });
  await fc.assert(
    fc.asyncProperty(chunks, chunks, sizes, sizes, async (upwards, downwards, serverTakes, clientTakes) => {
      const bench = new RelayBench();
      for (const [stream, takes] of [[bench.server, serverTakes], [bench.client, clientTakes]] as const) {
        let write = 0;
        stream.takes = () => takes[write++ % takes.length] ?? 1;
      }
      for (const part of upwards) bench.client.push(part);
      for (const part of downwards) bench.server.push(part);
      bench.client.end();
      bench.server.end();
      await quiet(bench);
      const [sent, answered] = [joined(upwards), joined(downwards)];
      assert.ok(Buffers.equal(joined(bench.server.written), sent), "to the server");
      assert.ok(Buffers.equal(joined(bench.client.written), answered), "to the client");
      assert.deepEqual(bench.bytes, { client: sent.length, server: answered.length });
      assert.equal(bench.ends.length, 1);
      assert.equal(bench.buffers.out.size, 0, "all buffers are back");
      assert.ok(bench.buffers.mostBytes <= RELAY_MEMORY);
    }),
    { numRuns: 60 },
  );
});

/** Comparing hundreds of kilobytes with deepEqual takes seconds. */
const Buffers = {
  equal: (a: Uint8Array, b: Uint8Array) => a.length === b.length && a.every((byte, index) => byte === b[index]),
};

const SIDES: readonly (readonly [Side, Side])[] = [["client", "server"], ["server", "client"]];

for (const [from, to] of SIDES) {
  Deno.test(`relay passes the end of the ${from} on, and the ${to} may go on sending`, async () => {
    const bench = new RelayBench();
    bench[from].push(bytesOf("the last words"));
    bench[from].end();
    await settled();
    assert.equal(bench[to].text, "the last words");
    assert.deepEqual([bench[to].writeEnds, bench[from].writeEnds], [1, 0]);
    assert.deepEqual(bench.ends, []);
    bench[to].push(bytesOf("an answer"));
    await settled();
    assert.equal(bench[from].text, "an answer");
    bench[to].end();
    await settled();
    assert.deepEqual(bench.ends, [`${from}_closed`]);
  });

  Deno.test(`relay reads nothing more from the ${from} while the ${to} does not take what was read`, async () => {
    const bench = new RelayBench();
    const open = Promise.withResolvers<void>();
    bench[to].gate = open.promise;
    for (let part = 0; part < 50; part++) bench[from].push(new Uint8Array(SMALL_BUFFER));
    await settled();
    assert.equal(bench[from].readSizes.length, 1);
    assert.equal(bench[to].writing, 1);
    assert.deepEqual(bench.bytes[from], SMALL_BUFFER);
    // the other direction is not held up
    bench[to].push(bytesOf("still here"));
    await settled();
    assert.equal(bench[from].text, "still here");
    open.resolve();
    await quiet(bench);
    assert.equal(bench.bytes[from], 50 * SMALL_BUFFER);
    bench[from].end();
    bench[to].end();
    await settled();
  });

  Deno.test(`relay reads nothing more from the ${from} until a write to the ${to} is complete`, async () => {
    const bench = new RelayBench();
    let reads = -1;
    bench[to].takes = () => {
      if (reads < 0) reads = bench[from].readSizes.length;
      assert.equal(bench[from].readSizes.length, reads, "read before everything was written");
      return 100;
    };
    bench[from].push(new Uint8Array(1000));
    await quiet(bench);
    assert.deepEqual(bench[to].written.map((part) => part.length), new Array(10).fill(100));
    bench[from].end();
    bench[to].end();
    await settled();
  });

  Deno.test(`relay takes larger buffers for a busy ${from} and gives them back when that is quiet`, async () => {
    const bench = new RelayBench();
    const sends = async (size: number) => {
      bench[from].push(new Uint8Array(size));
      await settled();
    };
    await sends(SMALL_BUFFER);
    await sends(MEDIUM_BUFFER);
    assert.deepEqual(bench[from].readSizes, [SMALL_BUFFER, MEDIUM_BUFFER, LARGE_BUFFER]);
    await sends(LARGE_BUFFER);
    for (const [size, smaller] of [[LARGE_BUFFER, MEDIUM_BUFFER], [MEDIUM_BUFFER, SMALL_BUFFER]] as const) {
      for (let read = 0; read < 7; read++) await sends(smaller);
      await sends(smaller + 1); // busy once more: counting starts over
      for (let read = 0; read < 8; read++) {
        assert.equal(bench[from].readSizes.at(-1), size);
        await sends(read === 0 ? smaller : 10);
      }
      assert.equal(bench[from].readSizes.at(-1), smaller);
    }
    assert.deepEqual([...bench.buffers.out].map((buffer) => buffer.length), [SMALL_BUFFER, SMALL_BUFFER]);
    bench[from].end();
    bench[to].end();
    await settled();
  });
}

Deno.test("relay keeps the small buffer while reads do not fill it", async () => {
  const bench = new RelayBench();
  for (let read = 0; read < 20; read++) bench.client.push(new Uint8Array(SMALL_BUFFER - 1));
  await quiet(bench);
  assert.deepEqual(new Set(bench.client.readSizes), new Set([SMALL_BUFFER]));
  bench.client.end();
  bench.server.end();
  await settled();
});

Deno.test("relay gives its buffers back when its streams are closed from outside", async () => {
  const bench = new RelayBench();
  await settled();
  assert.equal(bench.buffers.out.size, 2);
  bench.client.close();
  bench.server.close();
  await settled();
  assert.equal(bench.buffers.out.size, 0);
});

Deno.test("relay gives its buffers back when it is closed in the middle of a write", async () => {
  const bench = new RelayBench();
  const open = Promise.withResolvers<void>();
  bench.server.gate = open.promise;
  bench.client.push(new Uint8Array(SMALL_BUFFER));
  await settled();
  bench.client.close();
  bench.server.close();
  open.resolve();
  await settled();
  assert.equal(bench.buffers.out.size, 0);
});
