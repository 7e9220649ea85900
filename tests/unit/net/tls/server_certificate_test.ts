/**
 * What is made of the certificates that a server has shown. The TLS library's own word is not enough: it calls some
 * chains good that are not, which is why the bad ones here are tried with its blessing too.
 *
 * @module
 */

import assert from "node:assert/strict";
import { certificatesIn } from "../../../../src/net/tls/certificate_list.ts";
import {
  checkServer,
  PassedChains,
  type ServerExpectation,
  ServerTlsError,
} from "../../../../src/net/tls/server_certificate.ts";
import { identityOf } from "../../../../src/net/tls/server_identity.ts";
import { issue, type Issued, type IssueRequest, PURPOSES } from "../../../support/authority.ts";

const NOW = Date.parse("2026-06-01T00:00:00Z");
const [ROOT, FORGED] = [await issue({ name: "Root", ca: true }), await issue({ name: "Root", ca: true })];
const server = (request: Partial<IssueRequest> = {}) => issue({ name: "app.internal", issuer: ROOT, ...request });
const GOOD = await server({ hosts: ["app.internal", "*.example.com"], addresses: [[10, 0, 0, 1]] });

const dersOf = (chain: readonly Issued[]) =>
  chain.flatMap(({ certPem }) => certificatesIn(certPem)).map(({ der }) => der);

interface Given extends Partial<Pick<ServerExpectation, "cas" | "passed">> {
  readonly name?: string;
  readonly verifyError?: string;
  readonly resumed?: boolean;
  readonly now?: number;
}

/** Why a server is refused; `undefined` when it is not. */
async function refusalOf(ders: readonly Uint8Array[], given: Given = {}): Promise<string | undefined> {
  const cas = given.cas === undefined ? { name: "internal", certificates: certificatesIn(ROOT.certPem) } : given.cas;
  const expected = {
    identity: identityOf(given.name ?? "app.internal"),
    where: "10.0.0.1:443",
    cas,
    passed: given.passed ?? new PassedChains(),
  };
  try {
    const { verifyError = "", resumed = false } = given;
    await checkServer({ chain: ders, verifyError, resumed }, expected, given.now ?? NOW);
    return undefined;
  } catch (error) {
    if (error instanceof ServerTlsError) return error.message;
    throw error;
  }
}

Deno.test("checkServer() lets the right server pass, by any of its names", async () => {
  for (const name of ["app.internal", "APP.internal", "a.example.com", "10.0.0.1"]) {
    assert.equal(await refusalOf(dersOf([GOOD]), { name }), undefined, name);
    assert.equal(await refusalOf(dersOf([GOOD, ROOT]), { name, cas: null }), undefined, `${name}, public CAs`);
  }
});

Deno.test("checkServer() says what is wrong, whether the TLS library has seen it or not", async () => {
  const ISSUER = 'was not issued by "internal"';
  const old = { hosts: ["app.internal"], to: "2026-05-31T00:00:00Z" };
  const vectors: readonly (readonly [string, readonly Issued[], string])[] = [
    ["expired", [await server(old)], "has expired, on 2026-05-31"],
    ["expired and somebody else's", [await server({ ...old, issuer: FORGED })], "has expired, on 2026-05-31"],
    [
      "not valid yet",
      [await server({ hosts: ["app.internal"], from: "2026-06-02T00:00:00Z" })],
      "is not valid yet, but from 2026-06-02 on",
    ],
    ["another CA of that name", [await server({ hosts: ["app.internal"], issuer: FORGED })], ISSUER],
    [
      "another CA of that name, in the chain",
      [await server({ hosts: ["app.internal"], issuer: FORGED }), FORGED, ROOT],
      ISSUER,
    ],
    ["self-signed", [await issue({ name: "app.internal", hosts: ["app.internal"] })], `${ISSUER}, but by itself`],
    ["version 1", [await server({ version: 1 })], "is of X.509 version 1, which TLS does not take"],
    [
      "version 1 by another CA of that name",
      [await server({ version: 1, issuer: FORGED })],
      "is of X.509 version 1, which TLS does not take",
    ],
    [
      "for clients",
      [await server({ hosts: ["app.internal"], purposes: [PURPOSES.client] })],
      "is not meant for servers",
    ],
  ];
  for (const [what, chain, expected] of vectors) {
    for (const verifyError of ["", "UNABLE_TO_VERIFY_LEAF_SIGNATURE"]) {
      const refusal = await refusalOf(dersOf(chain), { verifyError });
      assert.equal(refusal, `certificate of 10.0.0.1:443 ${expected}`, `${what} ${verifyError}`);
    }
  }
});

Deno.test("checkServer() believes the TLS library when it says no", async () => {
  const verifyError = "UNABLE_TO_GET_ISSUER_CERT_LOCALLY";
  const own = 'certificate of 10.0.0.1:443 was not issued by "internal"';
  assert.equal(await refusalOf(dersOf([GOOD]), { verifyError }), own);
  const publicCas = "certificate of 10.0.0.1:443 was not issued by a CA that is trusted here";
  assert.equal(await refusalOf(dersOf([GOOD]), { verifyError, cas: null }), publicCas);
});

Deno.test("checkServer() names the names that a certificate is for, made harmless", async () => {
  const vectors: readonly (readonly [Partial<IssueRequest>, string, string])[] = [
    [{ hosts: ["a.test"] }, "app.internal", "is not for app.internal, but for a.test"],
    [{ hosts: ["a.test"] }, "10.0.0.1", "is not for 10.0.0.1, but for a.test"],
    [{ addresses: [[10, 0, 0, 2]] }, "10.0.0.1", "is not for 10.0.0.1, but for 10.0.0.2"],
    [
      { addresses: [[0x20, 1, 0xd, 0xb8, ...new Array<number>(12).fill(0)]] },
      "::1",
      "is not for ::1, but for 2001:0db8:0000:0000:0000:0000:0000:0000",
    ],
    // A common name counts for nothing.
    [{}, "app.internal", "is not for app.internal, but for no name at all"],
    [{ hosts: ["a", "b", "c", "d", "e"] }, "app.internal", "is not for app.internal, but for a, b, c and 2 more"],
    [{ hosts: ["a\nERROR b\u001b[31m"] }, "app.internal", "is not for app.internal, but for a?error?b??31m"],
  ];
  for (const [request, name, expected] of vectors) {
    assert.equal(await refusalOf(dersOf([await server(request)]), { name }), `certificate of 10.0.0.1:443 ${expected}`);
  }
});

Deno.test("checkServer() refuses a server that shows nothing, or nothing that can be read", async () => {
  assert.equal(await refusalOf([]), "10.0.0.1:443 showed no certificate");
  const [good = new Uint8Array()] = dersOf([GOOD]);
  const broken: readonly (readonly [string, Uint8Array])[] = [
    ["nothing", new Uint8Array()],
    ["half of it", good.slice(0, good.length / 2)],
    ["one byte too many", Uint8Array.from([...good, 0])],
  ];
  for (const [what, der] of broken) {
    for (const cas of [undefined, null]) {
      const given = cas === undefined ? {} : { cas };
      assert.equal(await refusalOf([der], given), "certificate of 10.0.0.1:443 cannot be read", what);
    }
  }
});

Deno.test("checkServer() refuses a session that goes on: its certificate was not looked at", async () => {
  const refusal = await refusalOf(dersOf([GOOD]), { resumed: true });
  assert.equal(refusal, "10.0.0.1:443 went on with a TLS session that was not offered");
});

Deno.test("checkServer() remembers what has passed, for one name and as long as it is valid", async () => {
  const passed = new PassedChains();
  const short = await server({ hosts: ["app.internal"], to: "2026-06-10T00:00:00Z" });
  assert.equal(await refusalOf(dersOf([short]), { passed }), undefined);
  // Without CAs nothing could pass that is not remembered.
  const cas = { name: "internal", certificates: [] };
  assert.equal(await refusalOf(dersOf([short]), { passed, cas }), undefined);
  const late = { passed, cas, now: Date.parse("2026-06-11T00:00:00Z") };
  assert.match(await refusalOf(dersOf([short]), late) ?? "", /has expired/);
  for (const other of [{ name: "other.internal" }, { verifyError: "X" }, { resumed: true }]) {
    assert.notEqual(await refusalOf(dersOf([short]), { passed, cas, ...other }), undefined, JSON.stringify(other));
  }
  assert.notEqual(await refusalOf(dersOf([short, FORGED]), { passed, cas }), undefined, "another chain");
  assert.notEqual(await refusalOf(dersOf([GOOD]), { passed, cas }), undefined, "another certificate");
});

Deno.test("PassedChains forgets the oldest", () => {
  const passed = new PassedChains();
  const path = certificatesIn(GOOD.certPem);
  for (let index = 0; index < 1000; index++) passed.add(`${index}`, path);
  assert.deepEqual([passed.has("0", NOW), passed.has("999", NOW)], [false, true]);
});
