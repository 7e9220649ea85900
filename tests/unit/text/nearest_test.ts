/** Suggestions help with slips and keep quiet otherwise. @module */

import assert from "node:assert/strict";
import fc from "fast-check";
import { editDistance, nearest, suggestion } from "../../../src/text/nearest.ts";

const word = fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 8 });
const KEYS = ["name", "protocol", "port", "ports", "idleTimeout", "connectTimeout", "weight"];

Deno.test("editDistance() counts insertions, deletions, replacements and swaps of neighbours", () => {
  const vectors = [
    ["", "", 0],
    ["", "abc", 3],
    ["abc", "", 3],
    ["port", "port", 0],
    ["port", "ports", 1],
    ["weight", "wieght", 1],
    ["web", "wbe", 1],
    ["kitten", "sitting", 3],
    ["ca", "abc", 3],
  ] as const;
  for (const [a, b, distance] of vectors) assert.equal(editDistance(a, b), distance, `${a} ${b}`);
});

Deno.test("editDistance() is the same both ways, 0 for equal words only, and within the longer word's length", () => {
  fc.assert(fc.property(word, word, (a, b) => {
    const distance = editDistance(a, b);
    assert.equal(distance, editDistance(b, a));
    assert.equal(distance === 0, a === b);
    assert.ok(distance >= Math.abs(a.length - b.length) && distance <= Math.max(a.length, b.length));
  }));
});

Deno.test("editDistance() is 1 for every single slip", () => {
  fc.assert(fc.property(word, fc.nat(8), fc.constantFrom("x", "y"), (text, place, letter) => {
    const at = Math.min(place, text.length);
    const inserted = text.slice(0, at) + letter + text.slice(at);
    assert.equal(editDistance(text, inserted), 1);
    assert.equal(editDistance(inserted, text), 1);
    if (at < text.length) assert.equal(editDistance(text, text.slice(0, at) + letter + text.slice(at + 1)), 1);
  }));
});

Deno.test("nearest() finds the word that was meant, whatever its case", () => {
  const vectors = [
    ["nmae", "name"],
    ["PORT", "port"],
    ["portt", "port"],
    ["idletimeout", "idleTimeout"],
    ["conectTimeot", "connectTimeout"],
    ["protocal", "protocol"],
  ] as const;
  for (const [given, meant] of vectors) assert.equal(nearest(given, KEYS), meant, given);
});

Deno.test("nearest() takes the beginning of one word for that word, and of several for none", () => {
  const vectors = [
    ["proto", "protocol"],
    ["idle", "idleTimeout"],
    ["CONN", "connectTimeout"],
    ["por", "port"],
    ["co", undefined],
    ["---", undefined],
  ] as const;
  for (const [given, meant] of vectors) assert.equal(nearest(given, [...KEYS, "--json"]), meant, given);
  assert.equal(nearest("stat", ["status", "state", "station"]), "state", "the nearer one");
  assert.equal(nearest("conn", ["connectTimeout", "connections"]), undefined);
});

Deno.test("nearest() finds nothing when no word is near", () => {
  for (const given of ["x", "zzzz", "sniffing", "hostname"]) assert.equal(nearest(given, KEYS), undefined, given);
  assert.equal(nearest("port", []), undefined);
});

Deno.test("nearest() prefers the word itself over every other", () => {
  fc.assert(fc.property(fc.array(word), word, (others, given) => {
    assert.equal(nearest(given, [...others, given]), given);
  }));
});

Deno.test("suggestion() asks, or says nothing", () => {
  assert.equal(suggestion("wieght", KEYS), ' (did you mean "weight"?)');
  assert.equal(suggestion("zzzz", KEYS), "");
});
