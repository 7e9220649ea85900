/** Which server a certificate is for. @module */

import assert from "node:assert/strict";
import fc from "fast-check";
import type { NameSubtree } from "../../../../src/net/tls/certificate.ts";
import { identityOf, isFor, mayVouchFor, nameToAskFor } from "../../../../src/net/tls/server_identity.ts";

const LOCAL_SIX = "00000000000000000000000000000001";

Deno.test("identityOf() takes host names and addresses in any spelling; names alone are asked for", () => {
  const vectors = [
    ["App.Internal", "host", "app.internal", "app.internal"],
    ["app.internal.", "host", "app.internal", "app.internal"],
    ["10.0.0.1", "address", "10.0.0.1", ""],
    ["2001:db8::1", "address", "2001:db8::1", ""],
    ["::ffff:10.0.0.1", "address", "10.0.0.1", ""],
  ] as const;
  for (const [name, kind, text, asked] of vectors) {
    const identity = identityOf(name);
    assert.deepEqual([identity.kind, identity.text, nameToAskFor(identity)], [kind, text, asked], name);
  }
});

Deno.test("isFor() compares names and addresses", () => {
  const vectors: readonly (readonly [string, readonly string[], readonly string[], boolean])[] = [
    ["app.internal", ["app.internal"], [], true],
    ["APP.internal.", ["app.internal"], [], true],
    ["app.internal", ["other.internal", "app.internal"], [], true],
    ["app", ["app"], [], true],
    ["_app.internal", ["_app.internal"], [], true],
    ["app.internal", [], [], false],
    ["app.internal", ["xapp.internal"], [], false],
    ["app.internal", ["app.internal.evil.test"], [], false],
    ["app.internal", ["internal"], [], false],
    ["app.internal", ["app.internal."], [], false],
    ["app.internal", ["app.internal\0.evil.test"], [], false],
    ["app.internal", ["app.internal, dns:evil.test"], [], false],
    ["app.internal", [""], [], false],
    // Wildcards: one whole label, the first, with two more behind it.
    ["a.example.com", ["*.example.com"], [], true],
    ["a.b.example.com", ["*.example.com"], [], false],
    ["example.com", ["*.example.com"], [], false],
    [".example.com", ["*.example.com"], [], false],
    ["a.internal", ["*.internal"], [], false],
    ["internal", ["*"], [], false],
    ["a.example.com", ["*"], [], false],
    ["a.example.com", ["*.*.com"], [], false],
    ["aa.example.com", ["a*.example.com"], [], false],
    ["a.b.example.com", ["a.*.example.com"], [], false],
    ["*.example.com", ["*.example.com"], [], false],
    // Addresses are never names, whatever they look like.
    ["10.0.0.1", [], ["0a000001"], true],
    ["10.0.0.1", ["10.0.0.1"], [], false],
    ["10.0.0.1", ["*.0.0.1"], [], false],
    ["10.0.0.1", [], ["0a000002"], false],
    ["10.0.0.1", [], ["0a000001ffffffff"], false],
    ["::1", [], [LOCAL_SIX], true],
    ["0:0:0:0:0:0:0:1", [], [LOCAL_SIX], true],
    ["::ffff:10.0.0.1", [], ["0a000001"], true],
    ["::1", [], ["0a000001"], false],
    ["0a000001", [], ["0a000001"], false],
    ["app.internal", [], ["0a000001"], false],
  ];
  for (const [name, hosts, addresses, expected] of vectors) {
    assert.equal(isFor({ hosts, addresses }, identityOf(name)), expected, `${name} with ${hosts} ${addresses}`);
  }
});

Deno.test("isFor() of a pattern without a star is the same name and nothing else", () => {
  const label = fc.stringMatching(/^[a-z0-9-]{1,5}$/);
  const host = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join("."))
    .filter((name) => identityOf(name).kind === "host");
  fc.assert(fc.property(host, host, (one, other) => {
    assert.equal(isFor({ hosts: [other], addresses: [] }, identityOf(one)), one === other);
    assert.equal(isFor({ hosts: [one], addresses: [] }, identityOf(one)), true);
  }));
});

const host = (host: string): NameSubtree => ({ kind: "host", host });
const block = (address: number[], mask: number[]): NameSubtree => ({
  kind: "address",
  address: Uint8Array.from(address),
  mask: Uint8Array.from(mask),
});

Deno.test("mayVouchFor() holds a CA to its names", () => {
  const ten = block([10, 0, 0, 0], [255, 0, 0, 0]);
  const vectors: readonly (readonly [string, readonly NameSubtree[], readonly NameSubtree[], boolean])[] = [
    ["app.internal", [], [], true],
    ["app.internal", [host("internal")], [], true],
    ["internal", [host("internal")], [], true],
    ["app.external", [host("internal")], [], false],
    ["appinternal", [host("internal")], [], false],
    ["app.internal", [host(".internal")], [], true],
    ["internal", [host(".internal")], [], false],
    ["app.internal", [host("")], [], true],
    ["app.internal", [host("other"), host("internal")], [], true],
    ["app.internal", [], [host("internal")], false],
    ["app.internal", [host("internal")], [host("app.internal")], false],
    ["app.internal", [], [host("")], false],
    ["app.internal", [ten], [], true],
    ["app.internal", [{ kind: "other" }], [{ kind: "other" }], true],
    ["10.1.2.3", [ten], [], true],
    ["11.1.2.3", [ten], [], false],
    ["11.1.2.3", [host("internal")], [], true],
    ["10.1.2.3", [], [ten], false],
    ["::1", [ten], [], false],
  ];
  for (const [name, permitted, excluded, expected] of vectors) {
    const what = `${name} with ${JSON.stringify({ permitted, excluded })}`;
    assert.equal(mayVouchFor({ permitted, excluded }, identityOf(name)), expected, what);
  }
  assert.equal(mayVouchFor(null, identityOf("app.internal")), true);
});
