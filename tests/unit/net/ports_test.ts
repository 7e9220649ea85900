/** Port lists hold what a naive reading of them holds. @module */

import assert from "node:assert/strict";
import fc from "fast-check";
import {
  countPorts,
  formatPorts,
  formatRange,
  listPorts,
  mapPort,
  onlyPort,
  parsePortList,
  type PortRange,
  portsOverlap,
} from "../../../src/net/ports.ts";

/** Ranges that do not overlap, in any order. */
const ranges: fc.Arbitrary<PortRange[]> = fc
  .uniqueArray(fc.integer({ min: 1, max: 65535 }), { minLength: 2, maxLength: 12 })
  .map((ports) => ports.toSorted((a, b) => a - b))
  .map((ports) => {
    const pairs: PortRange[] = [];
    for (let at = 0; at + 1 < ports.length; at += 2) {
      pairs.push({ first: ports[at] ?? 1, last: ports[at + 1] ?? 1 });
    }
    return pairs;
  })
  .chain((pairs) => fc.shuffledSubarray(pairs, { minLength: 1 }));

/** Any ranges, overlapping or not, within so few ports that most do. */
const anyRanges = fc.array(fc.tuple(fc.integer({ min: 1, max: 40 }), fc.nat(5)), { minLength: 1, maxLength: 5 })
  .map((all) => all.map(([first, more]): PortRange => ({ first, last: first + more })));

/** At most 20 of a range's ports, so that all of them can be looked at. */
const shortened = ({ first, last }: PortRange): PortRange => ({ first, last: Math.min(last, first + 19) });

function expand(all: readonly PortRange[]): number[] {
  return all.flatMap(({ first, last }) => Array.from({ length: last - first + 1 }, (_, index) => first + index));
}

Deno.test("parsePortList() reads back what formatPorts() writes", () => {
  fc.assert(fc.property(ranges, (all) => {
    assert.deepEqual(parsePortList(formatPorts(all)), { ok: true, ranges: all });
  }));
});

Deno.test("listPorts() and portsOverlap() agree with the ports written out", () => {
  fc.assert(fc.property(anyRanges, anyRanges, (a, b) => {
    assert.deepEqual(listPorts(a), expand(a));
    assert.equal(portsOverlap(a, b), expand(a).some((port) => expand(b).includes(port)));
  }));
});

Deno.test("onlyPort() is the port of a list that holds one", () => {
  fc.assert(fc.property(ranges, (all) => {
    const ports = expand(all);
    assert.equal(onlyPort(all), ports.length === 1 ? ports[0] : null);
  }));
  assert.equal(onlyPort([]), null);
  assert.equal(onlyPort([{ first: 80, last: 80 }]), 80);
});

Deno.test("mapPort() finds the port in the same place of the other list", () => {
  fc.assert(fc.property(ranges, ranges, (from, to) => {
    const [left, right] = [expand(from.map(shortened)), expand(to.map(shortened))];
    for (const [place, port] of left.entries()) {
      assert.equal(mapPort(port, from.map(shortened), to.map(shortened)), right[place]);
    }
    assert.equal(mapPort(0, from, to), undefined);
  }));
});

Deno.test("parsePortList() takes a list exactly when no port is in it twice", () => {
  fc.assert(fc.property(anyRanges, (all) => {
    const ports = expand(all);
    assert.equal(parsePortList(all.map(formatRange).join(",")).ok, new Set(ports).size === ports.length);
  }));
});

Deno.test("countPorts() counts as the ports written out", () => {
  fc.assert(fc.property(anyRanges, (all) => assert.equal(countPorts(all), expand(all).length)));
  assert.equal(countPorts([]), 0);
  assert.equal(countPorts([{ first: 1, last: 65535 }]), 65535);
});

Deno.test("formatRange() writes a single port as one number", () => {
  assert.equal(formatRange({ first: 80, last: 80 }), "80");
  assert.equal(formatRange({ first: 80, last: 81 }), "80-81");
});

Deno.test("parsePortList() allows blanks around numbers", () => {
  assert.deepEqual(parsePortList(" 80 - 82 , 90 "), {
    ok: true,
    ranges: [{ first: 80, last: 82 }, { first: 90, last: 90 }],
  });
});

Deno.test("parsePortList() says what is wrong with a list", () => {
  const refused = [
    ["", 'must be ports and port ranges such as "10000-10100,10200", got ""'],
    ["80,", 'must be ports and port ranges such as "10000-10100,10200", got "80,"'],
    ["80-", 'must be ports and port ranges such as "10000-10100,10200", got "80-"'],
    ["-80", 'must be ports and port ranges such as "10000-10100,10200", got "-80"'],
    ["80-90-100", 'must be ports and port ranges such as "10000-10100,10200", got "80-90-100"'],
    ["http", 'must be ports and port ranges such as "10000-10100,10200", got "http"'],
    ["80.5", 'must be ports and port ranges such as "10000-10100,10200", got "80.5"'],
    ["0", 'must name ports between 1 and 65535, got "0"'],
    ["65536", 'must name ports between 1 and 65535, got "65536"'],
    ["1-65536", 'must name ports between 1 and 65535, got "1-65536"'],
    ["90-80", 'must give the lower port of a range first, got "90-80"'],
    ["80,80", 'must not name a port twice, but "80" overlaps "80"'],
    ["80-90, 85", 'must not name a port twice, but "85" overlaps "80-90"'],
  ] as const;
  for (const [text, reason] of refused) assert.deepEqual(parsePortList(text), { ok: false, reason }, text);
});
