/** Which certificate a client gets for the name that it asks for. @module */

import assert from "node:assert/strict";
import fc from "fast-check";
import { CheckedByAuthority } from "../../../../src/net/tls/client_certificate.ts";
import { lookUp, tlsSettings } from "../../../../src/net/tls/contexts.ts";
import { issue } from "../../../support/authority.ts";
import { gotIn, handshakeWith, LOCALHOST, ROOT, settingsOf } from "./bench.ts";

const NAMES = new Map([
  ["example.com", "own"],
  ["www.example.com", "www"],
  ["*.example.com", "any"],
  ["*.deep.example.com", "deep"],
  ["192.0.2.1", "four"],
  ["*.test", "test"],
]);

const LOOK_UPS: readonly [serverName: string | null, expected: string | undefined][] = [
  [null, undefined],
  ["", undefined],
  ["example.com", "own"],
  ["www.example.com", "www"],
  ["mail.example.com", "any"],
  ["a.mail.example.com", undefined],
  ["a.deep.example.com", "deep"],
  ["deep.example.com", "any"],
  [".example.com", undefined],
  ["example.com.", undefined],
  ["example.org", undefined],
  ["notexample.com", undefined],
  ["a.test", "test"],
  ["test", undefined],
  ["192.0.2.1", "four"],
  ["192.0.2.2", undefined],
  [".", undefined],
  ["..", undefined],
  ["__proto__", undefined],
];

for (const [serverName, expected] of LOOK_UPS) {
  Deno.test(`lookUp() of ${JSON.stringify(serverName)} finds ${expected ?? "nothing"}`, () => {
    assert.equal(lookUp(NAMES, serverName), expected);
  });
}

Deno.test("lookUp() finds a wildcard for names with one more label, and no others", () => {
  const label = fc.stringMatching(/^[a-z0-9-]{1,10}$/);
  fc.assert(fc.property(fc.array(label, { minLength: 1, maxLength: 5 }), label, (labels, first) => {
    const name = labels.join(".");
    const names = new Map([[`*.${name}`, 1]]);
    assert.equal(lookUp(names, `${first}.${name}`), 1);
    assert.equal(lookUp(names, name), undefined);
    assert.equal(lookUp(names, `a.${first}.${name}`), undefined);
  }));
});

const [www, other, wild] = await Promise.all([
  issue({ name: "www", hosts: ["www.test"], issuer: ROOT }),
  issue({ name: "other", hosts: ["www.test", "other.test"], issuer: ROOT }),
  issue({ name: "wild", hosts: ["*.wild.test"], issuer: ROOT }),
]);

const SEVERAL = settingsOf({
  certificates: [
    LOCALHOST,
    { ...www, serverNames: ["www.test"] },
    { ...other, serverNames: ["www.test", "other.test"] },
    { ...wild, serverNames: ["*.wild.test"] },
  ],
});

const SERVED: readonly [servername: string | undefined, expected: string][] = [
  ["localhost", "localhost"],
  ["www.test", "www"],
  ["WWW.Test", "www"],
  ["other.test", "other"],
  ["a.wild.test", "wild"],
  ["a.b.wild.test", "localhost"],
  ["unknown.test", "localhost"],
  [undefined, "localhost"],
];

for (const [servername, expected] of SERVED) {
  Deno.test(`tlsSettings() shows a client that asks for ${servername ?? "no name"} the certificate of ${expected}`, async () => {
    let shown = "";
    const { result } = await handshakeWith(SEVERAL, {
      // Without a name the address would be it, which is no name to ask for.
      ...(servername === undefined ? { servername: "" } : { servername }),
      checkServerIdentity: (_name, certificate) => {
        shown = String(certificate.subject.CN);
        return undefined;
      },
    });
    gotIn(result);
    assert.equal(result.facts().serverName, servername?.toLowerCase() ?? null);
    result.stream.close();
    assert.equal(shown, expected);
  });
}

Deno.test("tlsSettings() of no certificate is a mistake", () => {
  assert.throws(() => settingsOf({ certificates: [] }), /needs a certificate/);
});

Deno.test("tlsSettings() remembers checked certificates by client CA, and asks for none without one", () => {
  const checked = new CheckedByAuthority();
  const make = (clientCaPem: string | null) =>
    tlsSettings({ certificates: [LOCALHOST], clientCaPem, minVersion: "1.2", alpn: [] }, (pem) => checked.of(pem));
  assert.equal(make(null).checked, null);
  assert.equal(make(ROOT.certPem).checked, checked.of(ROOT.certPem));
});

const BROKEN: readonly [what: string, change: Partial<typeof LOCALHOST>][] = [
  ["a certificate that is none", { certPem: "no certificate" }],
  ["a key that is none", { keyPem: "no key" }],
  ["no certificate", { certPem: "" }],
  ["the key of another certificate", { keyPem: www.keyPem }],
];

for (const [what, change] of BROKEN) {
  Deno.test(`tlsSettings() with ${what} fails at once, and not at the first client`, () => {
    assert.throws(() => settingsOf({ certificates: [{ ...LOCALHOST, ...change }] }));
    assert.throws(() => settingsOf({ certificates: [LOCALHOST, { ...LOCALHOST, ...change }] }));
  });
}

Deno.test("tlsSettings() with client CAs that are none fails at once", () => {
  assert.throws(() => settingsOf({ clientCaPem: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n" }));
});
