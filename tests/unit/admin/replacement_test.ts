/** Replacing the program through the admin API, as the process that takes over sees itself asked. @module */

import assert from "node:assert/strict";
import { problemKind } from "../../../src/admin/problem.ts";
import { ASKED_ITSELF, takeoverPath } from "../../../src/admin/replacement.ts";
import { AdminBench, OFFER, TAKEN_OFFER } from "./bench.ts";

const takeover = (bench: AdminBench, id: string, headers: HeadersInit = {}) =>
  bench.request(takeoverPath(id), {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ process: 4712, version: "1.2.4" }),
  });

Deno.test("a process that takes over tells its own request, whatever token and name it carries", async () => {
  const bench = new AdminBench();
  bench.token = "the new one";
  for (const headers of [{}, { authorization: "Bearer the old one" }, { host: "weir.example" }]) {
    const answer = await takeover(bench, TAKEN_OFFER, headers);
    assert.deepEqual([answer.status, problemKind(await answer.json())], [421, ASKED_ITSELF]);
  }
  const guarded = await takeover(bench, OFFER.id);
  assert.deepEqual([guarded.status, problemKind(await guarded.json())], [401, "token_missing"]);
  const elsewhere = await bench.request(`/v1/replacement/${TAKEN_OFFER}`, { method: "DELETE" });
  assert.equal(elsewhere.status, 401, "nothing else comes before the guards");
});

Deno.test("problemKind() tells nothing of what is no problem document", () => {
  for (const body of [null, "", 1, [], {}, { type: "urn:weir:problem:x" }]) assert.equal(problemKind(body), undefined);
});
