/** Why a relay ends: one reason each, told once. @module */

import assert from "node:assert/strict";
import type { EndReason } from "../../../src/end_reason.ts";
import { settled } from "../fake_clock.ts";
import { bytesOf, RelayBench } from "./relay_bench.ts";

const BROKEN = new Deno.errors.ConnectionReset("reset by peer");
const GONE = new Deno.errors.BrokenPipe("broken pipe");
const NO_GOODBYE = new Deno.errors.UnexpectedEof("peer closed connection without sending TLS close_notify");

interface EndCase {
  readonly what: string;
  readonly happens: (bench: RelayBench) => void | Promise<void>;
  readonly expected: EndReason;
}

const END_CASES: readonly EndCase[] = [
  {
    what: "client_closed when the client ends first",
    happens: async ({ client, server }) => {
      client.end();
      await settled();
      server.end();
    },
    expected: "client_closed",
  },
  {
    what: "server_closed when the server ends first",
    happens: async ({ client, server }) => {
      server.end();
      await settled();
      client.end();
    },
    expected: "server_closed",
  },
  { what: "reset when reading from the client fails", happens: ({ client }) => client.end(BROKEN), expected: "reset" },
  { what: "reset when reading from the server fails", happens: ({ server }) => server.end(BROKEN), expected: "reset" },
  {
    what: "reset when writing to the server fails",
    happens: ({ client, server }) => {
      server.failWrites(GONE);
      client.push(bytesOf("x"));
    },
    expected: "reset",
  },
  {
    what: "reset when writing to the client fails",
    happens: ({ client, server }) => {
      client.failWrites(GONE);
      server.push(bytesOf("x"));
    },
    expected: "reset",
  },
  {
    what: "client_closed when writing fails to a client that has ended already",
    happens: async ({ client, server }) => {
      client.end();
      await settled();
      client.failWrites(GONE);
      server.push(bytesOf("too late"));
    },
    expected: "client_closed",
  },
  {
    what: "server_closed when writing fails to a server that has ended already",
    happens: async ({ client, server }) => {
      server.end();
      await settled();
      server.failWrites(GONE);
      client.push(bytesOf("too late"));
    },
    expected: "server_closed",
  },
  {
    what: "reset when the server breaks after the client has ended",
    happens: async ({ client, server }) => {
      client.end();
      await settled();
      server.end(BROKEN);
    },
    expected: "reset",
  },
  {
    what: "client_closed when a TLS client goes without a goodbye",
    happens: async ({ client, server }) => {
      client.end(NO_GOODBYE);
      await settled();
      assert.equal(server.writeEnds, 1);
      server.end();
    },
    expected: "client_closed",
  },
  {
    what: "reset when writing, and not reading, meets an unexpected end",
    happens: ({ client, server }) => {
      client.failWrites(NO_GOODBYE);
      server.push(bytesOf("x"));
    },
    expected: "reset",
  },
  {
    what: "reset when the end cannot be passed on",
    happens: ({ client, server }) => {
      server.failCloseWrite(GONE);
      client.end();
    },
    expected: "reset",
  },
  {
    what: "internal_error when the fault is in Weir",
    happens: ({ client }) => client.end(new TypeError("undefined is not a function")),
    expected: "internal_error",
  },
  {
    what: "the first of two reasons",
    happens: ({ client, server }) => {
      client.end(BROKEN);
      server.end(new TypeError("late"));
    },
    expected: "reset",
  },
];

for (const { what, happens, expected } of END_CASES) {
  Deno.test(`relay ends once, with ${what}`, async () => {
    const bench = new RelayBench();
    await settled();
    await happens(bench);
    await settled();
    assert.deepEqual(bench.ends, [expected]);
    assert.equal(bench.buffers.out.size, 0, "all buffers are back");
  });
}

for (const first of ["client", "server"] as const) {
  const second = first === "client" ? "server" : "client";
  Deno.test(`relay whose ${first} has ended first tells it of the other end only where closing does not say it`, async () => {
    for (const abrupt of [false, true]) {
      const bench = new RelayBench();
      bench[first].closesAbruptly = abrupt;
      await settled();
      bench[first].end();
      await settled();
      bench[second].end();
      await settled();
      assert.deepEqual(bench.ends, [`${first}_closed`]);
      assert.deepEqual([bench[first].writeEnds, bench[second].writeEnds], [abrupt ? 1 : 0, 1]);
    }
  });

  Deno.test(`relay whose ${first} has ended first ends the same when that cannot be told any more`, async () => {
    const bench = new RelayBench();
    bench[first].closesAbruptly = true;
    bench[first].failCloseWrite(GONE);
    bench[first].end();
    await settled();
    bench[second].end();
    await settled();
    assert.deepEqual(bench.ends, [`${first}_closed`]);
  });
}

Deno.test("relay waits until the end of the server is told to the client, though the client ends meanwhile", async () => {
  const bench = new RelayBench();
  const { promise, resolve } = Promise.withResolvers<void>();
  bench.client.closesAbruptly = true;
  bench.client.gate = promise;
  bench.server.end();
  await settled();
  bench.client.end();
  await settled();
  assert.deepEqual([bench.ends, bench.client.writeEnds], [[], 1]);
  resolve();
  await settled();
  assert.deepEqual(bench.ends, ["server_closed"]);
});
