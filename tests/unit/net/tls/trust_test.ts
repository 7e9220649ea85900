/** Which chains lead to a CA that is trusted: right ones, and those that attackers would make. @module */

import assert from "node:assert/strict";
import { der, octetString, sequence, yes } from "../../../../src/demo/der.ts";
import type { Certificate } from "../../../../src/net/tls/certificate.ts";
import { certificatesIn } from "../../../../src/net/tls/certificate_list.ts";
import { identityOf } from "../../../../src/net/tls/server_identity.ts";
import { hasSigned } from "../../../../src/net/tls/signature.ts";
import { MOST_CERTIFICATES, pathToTrust } from "../../../../src/net/tls/trust.ts";
import { issue, type Issued, type IssueRequest, type KeyKind, PURPOSES } from "../../../support/authority.ts";

const HOST = "app.internal";
const NOW = Date.parse("2026-06-01T00:00:00Z");

const [ROOT, FORGED] = [await issue({ name: "Root", ca: true }), await issue({ name: "Root", ca: true })];
const server = (request: Partial<IssueRequest>) => issue({ name: "server", hosts: [HOST], ...request });
const middle = (request: Partial<IssueRequest> = {}) => issue({ name: "Middle", ca: true, issuer: ROOT, ...request });

function certificatesOf(all: readonly Issued[]): Certificate[] {
  return all.flatMap(({ certPem }) => certificatesIn(certPem));
}

/** How many certificates lead to the roots; `undefined` when none do. */
async function lengthOf(chain: readonly Issued[], roots: readonly Issued[] = [ROOT], name = HOST) {
  const anchors = certificatesOf(roots);
  const path = await pathToTrust(certificatesOf(chain), { anchors, identity: identityOf(name), now: NOW });
  return path?.length;
}

const constraints = (length: number) => ({
  id: "2.5.29.19",
  critical: true,
  value: sequence(yes(), der(0x02, Uint8Array.of(length))),
});
const keyUsage = (bits: number) => ({ id: "2.5.29.15", critical: true, value: der(0x03, Uint8Array.of(0, bits)) });
const onlyFor = (host: string) => ({
  id: "2.5.29.30",
  critical: true,
  value: sequence(der(0xa0, sequence(der(0x82, new TextEncoder().encode(host))))),
});

Deno.test("pathToTrust() finds the way from a server's certificate to a root", async () => {
  const direct = await server({ issuer: ROOT });
  assert.equal(await lengthOf([direct]), 2);
  assert.equal(await lengthOf([direct, ROOT]), 2, "the root may be shown");
  assert.equal(await lengthOf([direct], [FORGED, ROOT]), 2, "two roots of one name");
  const [one, two] = [await middle(), await middle({ name: "Other" })];
  const below = await server({ issuer: one });
  assert.equal(await lengthOf([below, one]), 3);
  assert.equal(await lengthOf([below, two, one]), 3, "out of order, with one too many");
  const lower = await issue({ name: "Lower", ca: true, issuer: one });
  assert.equal(await lengthOf([await server({ issuer: lower }), lower, one]), 4);
  assert.equal(await lengthOf([below], [one]), 2, "an intermediate that is trusted by itself");
  const itself = await server({ ca: true });
  assert.equal(await lengthOf([itself], [itself]), 1, "a self-signed certificate that is trusted by itself");
});

Deno.test("pathToTrust() takes CAs that are limited to what is asked", async () => {
  const vectors: readonly (readonly [string, Partial<IssueRequest>])[] = [
    ["for servers", { purposes: [PURPOSES.server, PURPOSES.client] }],
    ["for any purpose", { purposes: [PURPOSES.any] }],
    ["with no CA below", { extensions: [constraints(0)] }],
    ["with a key that signs certificates", { extensions: [keyUsage(0x06)] }],
    ["for this name", { extensions: [onlyFor("internal")] }],
  ];
  for (const [what, request] of vectors) {
    const ca = await middle(request);
    assert.equal(await lengthOf([await server({ issuer: ca }), ca]), 3, what);
  }
});

Deno.test("pathToTrust() does not find what is not there", async () => {
  const good = await middle();
  const forged = await middle({ issuer: FORGED });
  const client = await issue({ name: "Client", issuer: ROOT });
  const old = { to: "2026-05-31T00:00:00Z" };
  const strange = { extensions: [{ id: "1.2.3.4", critical: true, value: octetString(new Uint8Array(1)) }] };
  const byCa = async (request: Partial<IssueRequest>) => {
    const ca = await middle(request);
    return [await server({ issuer: ca }), ca];
  };
  const twoBelow = async (request: Partial<IssueRequest>) => {
    const ca = await middle(request);
    const lower = await issue({ name: "Lower", ca: true, issuer: ca });
    return [await server({ issuer: lower }), lower, ca];
  };
  const vectors: readonly (readonly [string, readonly Issued[]])[] = [
    ["nothing", []],
    ["signed by itself", [await server({})]],
    ["signed by a root of the same name", [await server({ issuer: FORGED })]],
    ["the same, with the true root shown", [await server({ issuer: FORGED }), ROOT]],
    ["the same, with the false root shown", [await server({ issuer: FORGED }), FORGED]],
    ["an intermediate that the root did not sign", [await server({ issuer: forged }), forged]],
    ["the name of a true intermediate", [await server({ issuer: forged }), good]],
    ["an intermediate that is missing", [await server({ issuer: good })]],
    ["signed by a certificate that is no CA's", [await server({ issuer: client }), client]],
    ["version 1", [await server({ version: 1, issuer: ROOT })]],
    ["version 1, signed by a root of the same name", [await server({ version: 1, issuer: FORGED })]],
    ["an intermediate of version 1", await byCa({ version: 1 })],
    ["expired", [await server({ issuer: ROOT, ...old })]],
    ["not valid yet", [await server({ issuer: ROOT, from: "2026-06-02T00:00:00Z" })]],
    ["an intermediate that has expired", await byCa(old)],
    ["for clients", [await server({ issuer: ROOT, purposes: [PURPOSES.client] })]],
    ["an intermediate for clients", await byCa({ purposes: [PURPOSES.client] })],
    ["an intermediate whose key may not sign certificates", await byCa({ extensions: [keyUsage(0x80)] })],
    ["an intermediate for other names", await byCa({ extensions: [onlyFor("example.com")] })],
    ["an intermediate too many", await twoBelow({ extensions: [constraints(0)] })],
    ["something unknown that is critical", [await server({ issuer: ROOT, ...strange })]],
    ["something unknown that is critical, in an intermediate", await byCa(strange)],
  ];
  for (const [what, chain] of vectors) assert.equal(await lengthOf(chain), undefined, what);
  const [valid] = [await server({ issuer: ROOT })];
  assert.equal(await lengthOf([valid], []), undefined, "no root at all");
  assert.equal(await lengthOf([...new Array<Issued>(MOST_CERTIFICATES).fill(valid), good]), undefined, "too many");
  const oldRoot = await issue({ name: "Root", ca: true, ...old });
  assert.equal(await lengthOf([await server({ issuer: oldRoot })], [oldRoot]), undefined, "a root that has expired");
  assert.equal(await lengthOf([client, ROOT, valid]), 2, "the first certificate counts: the client's");
});

Deno.test("pathToTrust() finds the way from a client's certificate, whoever the client is", async () => {
  const client = (request: Partial<IssueRequest>) => issue({ name: "client", issuer: ROOT, ...request });
  const byCa = async (request: Partial<IssueRequest>) => {
    const ca = await middle(request);
    return [await client({ issuer: ca }), ca];
  };
  const vectors: readonly (readonly [string, readonly Issued[], number | undefined])[] = [
    ["no purpose named", [await client({})], 2],
    ["for clients", [await client({ purposes: [PURPOSES.client] })], 2],
    ["with an intermediate", await byCa({}), 3],
    ["with an intermediate for clients", await byCa({ purposes: [PURPOSES.client] }), 3],
    ["for servers", [await client({ purposes: [PURPOSES.server] })], undefined],
    ["for any purpose, as the TLS library sees it", [await client({ purposes: [PURPOSES.any] })], undefined],
    ["an intermediate for servers", await byCa({ purposes: [PURPOSES.server] }), undefined],
    ["an intermediate that is held to names", await byCa({ extensions: [onlyFor("internal")] }), undefined],
    ["signed by a root of the same name", [await client({ issuer: FORGED })], undefined],
    ["expired", [await client({ to: "2026-05-31T00:00:00Z" })], undefined],
    ["version 1", [await client({ version: 1 })], undefined],
  ];
  for (const [what, chain, length] of vectors) {
    const anchors = certificatesOf([ROOT]);
    const path = await pathToTrust(certificatesOf(chain), { anchors, identity: null, now: NOW });
    assert.equal(path?.length, length, what);
  }
});

Deno.test("pathToTrust() ends, however certificates have signed each other", async () => {
  const keys = (await issue({ name: "x" })).keys;
  const ring = await Promise.all(
    Array.from({ length: MOST_CERTIFICATES - 1 }, () => issue({ name: "Ring", ca: true, keys })),
  );
  const [first] = ring;
  assert.ok(first);
  const startedAt = performance.now();
  assert.equal(await lengthOf([await server({ issuer: first }), ...ring]), undefined);
  assert.ok(performance.now() - startedAt < 5000, "it does not try every order");
});

for (const key of ["P-256", "P-384", "RSA"] satisfies readonly KeyKind[]) {
  Deno.test(`hasSigned() knows a ${key} signature from a changed one`, async () => {
    const ca = await issue({ name: "CA", ca: true, key });
    const other = await issue({ name: "CA", ca: true, key });
    const [issuer, stranger, certificate] = certificatesOf([ca, other, await server({ issuer: ca, key })]);
    assert.ok(issuer && stranger && certificate);
    assert.equal(await hasSigned(issuer, certificate), true);
    assert.equal(await hasSigned(stranger, certificate), false);
    for (const part of ["signed", "signature"] as const) {
      const changed = certificate[part].slice();
      changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1;
      assert.equal(await hasSigned(issuer, { ...certificate, [part]: changed }), false, part);
    }
    assert.equal(await hasSigned(issuer, { ...certificate, signature: new Uint8Array(0) }), false);
    assert.equal(await hasSigned({ ...issuer, publicKey: new Uint8Array(5) }, certificate), false);
    const sha1 = sequence(der(0x06, Uint8Array.of(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 5)));
    const algorithm = { tag: 0x30, content: sha1.subarray(2), whole: sha1 };
    assert.equal(await hasSigned(issuer, { ...certificate, algorithm }), false);
  });
}
