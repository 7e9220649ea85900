/** Bodies that are too large, too slow, or break off. */

import { Hono } from "hono";
import assert from "node:assert/strict";
import { boundedBody } from "../../../src/admin/request_body.ts";

const api = new Hono();
api.use(boundedBody({ bytes: 100, milliseconds: 50 }));
api.put("/", async (context) => context.text(await context.req.text()));

/** A body in pieces, after which it ends, breaks off, or never does anything again. */
function stream(pieces: readonly string[], end: "ends" | "breaks off" | "hangs"): ReadableStream<Uint8Array> {
  const left = [...pieces];
  return new ReadableStream({
    pull(controller) {
      const piece = left.shift();
      if (piece !== undefined) controller.enqueue(new TextEncoder().encode(piece));
      else if (end === "ends") controller.close();
      else if (end === "breaks off") controller.error(new Error("gone"));
      else return new Promise(() => {});
    },
  });
}

const BODIES: readonly (readonly [title: string, body: BodyInit, status: number, answer: RegExp])[] = [
  ["a body as long as may be", "x".repeat(100), 200, /^x{100}$/],
  ["one in pieces", stream(["a", "ä", ""], "ends"), 200, /^aä$/],
  ["one that is too long", "x".repeat(101), 413, /"body_too_large"|body_too_large/],
  ["one that is too long, in pieces", stream(["x".repeat(60), "x".repeat(60)], "hangs"), 413, /100 bytes/],
  ["one that hangs", stream(["x"], "hangs"), 408, /within 0.05 s/],
  ["one that never begins", stream([], "hangs"), 408, /body_too_slow/],
  ["one that breaks off", stream(["x"], "breaks off"), 400, /broke off/],
];

for (const [title, body, status, answer] of BODIES) {
  Deno.test(`boundedBody(): ${title} is a ${status}`, async () => {
    const response = await api.request("/", { method: "PUT", body });
    assert.equal(response.status, status);
    assert.match(await response.text(), answer);
  });
}

Deno.test("boundedBody() lets a request without a body pass", async () => {
  const response = await api.request("/", { method: "PUT" });
  assert.deepEqual([response.status, await response.text()], [200, ""]);
});
