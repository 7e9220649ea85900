/** The weight of sessions that have ended: V8 notices it, and answers. @module */

import assert from "node:assert/strict";
import { EndedSessions, SESSIONS, WEIGHT } from "../../../../src/net/tls/ended_sessions.ts";
import { until } from "../../../support/wait.ts";

const external = () => Deno.memoryUsage().external;

Deno.test("EndedSessions weighs nothing at first, and then as much as makes V8 look", () => {
  const ended = new EndedSessions();
  const before = external();
  for (let count = 1; count < SESSIONS; count++) ended.add();
  assert.ok(external() - before < WEIGHT / 2);
  ended.add();
  assert.ok(external() - before > WEIGHT / 2);
});

Deno.test("EndedSessions: of many weights V8 has collected all but the last few, without being asked", async () => {
  const ended = new EndedSessions();
  const before = external();
  for (let weights = 0; weights < 20; weights++) {
    for (let count = 0; count < SESSIONS; count++) ended.add();
    // As sessions would: V8 works between them.
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await until("they are collected", () => external() - before < 4 * WEIGHT);
});

Deno.test("EndedSessions makes V8 collect what only a look through everything finds", async () => {
  // Old enough not to be found by quick collections, and too much for V8 to look because of it.
  const living = Array.from({ length: 300_000 }, (_, index) => ({ index }));
  let isCollected = false;
  const registry = new FinalizationRegistry(() => isCollected = true);
  registry.register({}, undefined);
  const ended = new EndedSessions();
  await until("it is collected", () => {
    for (let count = 0; count < SESSIONS; count++) ended.add();
    return isCollected;
  });
  assert.equal(living.length, 300_000);
});
