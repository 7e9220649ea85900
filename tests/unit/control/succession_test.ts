/** Who may take over from a running Weir. @module */

import assert from "node:assert/strict";
import { READY_SECONDS, Succession } from "../../../src/control/succession.ts";
import { WeirError } from "../../../src/errors.ts";

function bench() {
  let [now, ids] = [0, 0];
  const succession = new Succession({ now: () => now, newId: () => `id-${++ids}` });
  return { succession, pass: (seconds: number) => now += seconds * 1000 };
}

const isKind = (kind: string) => (error: unknown) => error instanceof WeirError && error.kind === kind;

Deno.test("Succession lets one process get ready at a time, and says when the next one may try", () => {
  const { succession, pass } = bench();
  assert.equal(succession.grant(), "id-1");
  pass(20);
  assert.throws(() => succession.grant(), new RegExp(`try again in ${READY_SECONDS - 20} s$`));
  assert.throws(() => succession.grant(), isKind("in_use"));
  succession.redeem("id-1");
  assert.equal(succession.grant(), "id-2");
});

Deno.test("Succession lets the next one try when nothing was heard of the first for long, and knows that one no more", () => {
  const { succession, pass } = bench();
  succession.grant();
  pass(READY_SECONDS);
  assert.equal(succession.grant(), "id-2");
  assert.throws(() => succession.redeem("id-1"), isKind("no_such_replacement"));
  succession.redeem("id-2");
});

Deno.test("Succession takes each id once, and no other", () => {
  const { succession } = bench();
  assert.throws(() => succession.redeem(""), isKind("no_such_replacement"));
  const id = succession.grant();
  assert.throws(() => succession.redeem("another"), isKind("no_such_replacement"));
  succession.redeem(id);
  assert.throws(() => succession.redeem(id), isKind("no_such_replacement"));
});
