/** The list that connections join and leave. @module */

import assert from "node:assert/strict";
import fc from "fast-check";
import { type Entry, LinkedList } from "../../../src/net/linked_list.ts";

Deno.test("LinkedList holds what was added and not taken out, in order, whichever way it came about", () => {
  const actions = fc.array(fc.tuple(fc.boolean(), fc.nat(20)), { maxLength: 60 });
  fc.assert(fc.property(actions, (actions) => {
    const list = new LinkedList<number>();
    const entries: Entry<number>[] = [];
    let expected: Entry<number>[] = [];
    for (const [isAdding, index] of actions) {
      if (isAdding) {
        const entry = list.add(entries.length);
        entries.push(entry);
        expected.push(entry);
        continue;
      }
      const entry = entries[index];
      if (entry === undefined) continue;
      assert.equal(list.remove(entry), expected.includes(entry));
      expected = expected.filter((one) => one !== entry);
      assert.deepEqual([entry.list, entry.previous, entry.next], [undefined, undefined, undefined]);
    }
    assert.deepEqual(list.items(), expected.map(({ item }) => item));
    assert.deepEqual([list.size, list.first], [expected.length, expected[0]]);
  }));
});

Deno.test("LinkedList.remove() leaves the entry of another list alone", () => {
  const [one, other] = [new LinkedList<string>(), new LinkedList<string>()];
  const entry = other.add("there");
  assert.equal(one.remove(entry), false);
  assert.deepEqual([one.size, other.items()], [0, ["there"]]);
});
