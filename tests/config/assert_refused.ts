/** What every refusal of a configuration must be. @module */

import assert from "node:assert/strict";
import type { ConfigError } from "../../src/errors.ts";

const LINE = /^weir\.(?:yaml|json):[1-9]\d*:[1-9]\d*( \S.*?)?: \S/;

/** What is wrong is shown in part when it is long: messages go to logs and terminals. */
const LONGEST = 500;

/** A refusal must be in order and have a place in the text for everything. */
export function assertRefused(error: ConfigError, text: string): void {
  assert.ok(error.problems.length > 0);
  const lines = text.split("\n").length;
  for (const problem of error.problems) {
    assert.ok(problem.line >= 1 && problem.line <= lines + 1 && problem.column >= 1, JSON.stringify(problem));
    assert.ok(problem.message.length <= LONGEST, `a message of ${problem.message.length} characters`);
  }
  for (const line of error.message.split("\n")) assert.match(line, LINE);
  const places = error.problems.map((problem) => problem.line * 1e6 + problem.column);
  assert.deepEqual(places, places.toSorted((a, b) => a - b));
}
