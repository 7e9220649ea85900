/** Every input that ever failed, and a short run of every target: what must hold for what comes from outside. @module */

import assert from "node:assert/strict";
import { readCorpus } from "../fuzz/corpus.ts";
import { fuzz } from "../fuzz/fuzz_run.ts";
import { minimise } from "../fuzz/minimise.ts";
import { mutate } from "../fuzz/mutate.ts";
import { type FuzzTarget, inputOf, textOf } from "../fuzz/target.ts";
import { TARGETS } from "../fuzz/targets.ts";
import { projectPath } from "../support/program.ts";
import { randomFrom } from "../support/random.ts";

/** Inputs beside those that are known; always the same. */
const RUNS: Readonly<Record<string, number>> = {
  admin: 15,
  console: 15,
  "config-yaml": 60,
  "config-json": 60,
  convert: 60,
  "tls-machine": 100,
};

for (const target of TARGETS) {
  for (const { name, input } of readCorpus(target)) {
    Deno.test(`fuzz ${target.name}: ${name} failed once`, async () => {
      await target.check(input);
    });
  }
  Deno.test(`fuzz ${target.name}: ${target.holds}`, async () => {
    const limits = { seed: 1, runs: RUNS[target.name] ?? 300, seconds: Infinity, patience: Infinity, longest: 5000 };
    const { failure, runs, outcomes } = await fuzz(target, limits);
    assert.equal(failure, undefined, failure && `${failure.error.message}\n${JSON.stringify(textOf(failure.input))}`);
    assert.ok(runs >= limits.runs && outcomes > 1, `${runs} inputs, ${outcomes} outcomes`);
  });
}

Deno.test("every folder of the corpus belongs to a target", () => {
  const folders = [...Deno.readDirSync(projectPath("tests/corpus"))].map(({ name }) => name);
  const names = TARGETS.map(({ name }) => name);
  assert.deepEqual(folders.filter((folder) => !names.includes(folder)), []);
});

Deno.test("docs/reliability.md names every target", () => {
  const rows = Deno.readTextFileSync(projectPath("docs/reliability.md")).matchAll(/^\| `([a-z-]+)` +\|/gm);
  assert.deepEqual([...rows].map(([, name]) => name), TARGETS.map(({ name }) => name));
});

/** A reader that cannot bear two x in a text. */
const brittle: FuzzTarget = {
  name: "brittle",
  holds: "nothing",
  isText: true,
  seeds: () => [inputOf("hello"), inputOf("a long line with an x in it")],
  words: ["x", "y"],
  longest: 100,
  check: (input) => {
    if (textOf(input).split("x").length > 2) throw new RangeError(`${input.length} characters with two x`);
    return "read";
  },
};

const LIMITS = { runs: 10_000, seconds: Infinity, patience: Infinity };

Deno.test("fuzz() finds what fails, makes it small, and finds the same for the same seed", async () => {
  const [one, same, other] = await Promise.all([7, 7, 8].map((seed) => fuzz(brittle, { ...LIMITS, seed })));
  assert.ok(one?.failure !== undefined && same !== undefined && other !== undefined);
  assert.deepEqual([textOf(one.failure.input), one.failure.error.message], ["xx", "2 characters with two x"]);
  assert.equal(one.runs, same.runs);
  assert.notEqual(one.runs, other.runs);
});

Deno.test("fuzz() finds what takes too long", async () => {
  const slow: FuzzTarget = {
    ...brittle,
    check: (input) => {
      for (const until = performance.now() + input.length * 2; performance.now() < until;);
      return "read";
    },
  };
  const { failure } = await fuzz(slow, { ...LIMITS, seed: 1, patience: 1 });
  assert.match(failure?.error.message ?? "", /^took \d+ ms for \d+ bytes$/);
});

Deno.test("minimise() takes away what is not needed", async () => {
  const small = await minimise(
    inputOf("some text { and } more"),
    (input) => Promise.resolve(/\{.*\}/.test(textOf(input))),
  );
  assert.equal(textOf(small), "{}");
});

Deno.test("mutate() keeps to the longest input, and does the same for the same seed", () => {
  const surroundings = { pool: [inputOf("abc")], words: ["word"], isText: true, longest: 50 };
  const inputs = [1, 1].map((seed) => {
    const random = randomFrom(seed);
    return Array.from({ length: 500 }, () => mutate(inputOf("some input of a few words"), random, surroundings));
  });
  assert.deepEqual(inputs[0], inputs[1]);
  assert.ok(inputs[0]?.every((input) => input.length <= 50));
  assert.ok(new Set(inputs[0]?.map(textOf)).size > 300);
});
