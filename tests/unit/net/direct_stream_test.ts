/** A socket by the runtime's own operations behaves as the connection does. @module */

import assert from "node:assert/strict";
import { direct } from "../../../src/net/direct_stream.ts";
import type { ByteStream } from "../../../src/net/stream.ts";
import { MemoryStream } from "../session/memory_stream.ts";
import { tcpPair } from "../session/bench.ts";

const read = async (stream: ByteStream) => {
  const buffer = new Uint8Array(8);
  return new TextDecoder().decode(buffer.subarray(0, await stream.read(buffer) ?? 0));
};

Deno.test("direct() goes past a connection: bytes, half-close and the end are those of the socket", async () => {
  const { near, accepted } = await tcpPair();
  const stream = direct(accepted);
  assert.notEqual(stream, accepted, "the runtime's operations were found");
  await near.write(new TextEncoder().encode("ping"));
  assert.equal(await read(stream), "ping");
  assert.equal(await stream.write(new TextEncoder().encode("pong")), 4);
  assert.equal(await read(near), "pong");
  await stream.closeWrite();
  assert.equal(await near.read(new Uint8Array(1)), null);
  near.close();
  assert.equal(await read(stream), "");
  stream.close();
});

Deno.test("direct() fails as the connection does when that is closed", async () => {
  const { near, accepted } = await tcpPair();
  const stream = direct(accepted);
  const pending = assert.rejects(async () => await stream.read(new Uint8Array(1)));
  stream.close();
  await pending;
  await assert.rejects(async () => await stream.read(new Uint8Array(1)), Deno.errors.BadResource);
  await assert.rejects(async () => await stream.write(new Uint8Array(1)), Deno.errors.BadResource);
  await assert.rejects(async () => await stream.closeWrite(), Deno.errors.BadResource);
  assert.throws(() => stream.close(), Deno.errors.BadResource);
  near.close();
});

Deno.test("direct() leaves any other stream as it is", () => {
  const stream = new MemoryStream();
  assert.equal(direct(stream), stream);
});
