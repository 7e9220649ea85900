/** Certificates: PEM around them, and the DER inside. @module */

import assert from "node:assert/strict";
import { parseCertificate } from "../../../src/config/x509.ts";
import { readPem, writePem } from "../../../src/config/pem.ts";
import { readCertificate } from "../../../src/net/tls/certificate.ts";
import { commonNameOf, versionOf } from "../../../src/net/tls/der.ts";
import { identityOf, isFor, mayVouchFor } from "../../../src/net/tls/server_identity.ts";
import { DerError } from "../../../src/net/tls/strict_der.ts";
import { der, sequence, yes } from "../../../src/demo/der.ts";
import { issue, PURPOSES } from "../../support/authority.ts";
import { makeCaseFiles } from "../../config/cases.ts";
import { type FuzzTarget, inputOf, shapeOf, textOf } from "../target.ts";

/** What reads loosely reads what the runtime has read before, and says so when it cannot. */
function assertReadsOrRefuses<Result>(read: () => Result): Result | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return undefined;
  }
}

const IDENTITIES = ["app.internal", "192.0.2.1", "2001:db8::1"].map(identityOf);

function checkDer(input: Uint8Array): string {
  const bytes = Uint8Array.from(input);
  const version = assertReadsOrRefuses(() => versionOf(bytes));
  const name = assertReadsOrRefuses(() => commonNameOf(bytes));
  const parsed = parseCertificate(bytes);
  let strict = "";
  try {
    const certificate = readCertificate(bytes);
    assert.ok([1, 3].includes(certificate.version));
    assert.ok(Number.isFinite(certificate.validFrom) && Number.isFinite(certificate.validTo));
    for (const identity of IDENTITIES) {
      assert.equal(typeof isFor(certificate, identity), "boolean");
      assert.equal(typeof mayVouchFor(certificate.names, identity), "boolean");
    }
    assert.equal(version, certificate.version, "two readers see two versions");
    strict = `read ${certificate.hosts.length} ${certificate.isCa} ${certificate.hasUnknownCritical}`;
  } catch (error) {
    if (!(error instanceof DerError)) throw error;
    strict = error.message;
  }
  return `${version} ${typeof name} ${parsed === undefined} ${strict}`;
}

async function seeds(): Promise<Uint8Array[]> {
  const host = (text: string) => der(0x82, new TextEncoder().encode(text));
  const constraints = sequence(
    der(0xa0, sequence(host(".internal"))),
    der(0xa1, sequence(der(0x87, new Uint8Array(8)))),
  );
  const issued = await Promise.all([
    issue({ name: "app", hosts: ["app.internal", "*.example.com"], addresses: [[192, 0, 2, 1]] }),
    issue({ name: "app", version: 1 }),
    issue({ name: "CA", ca: true, purposes: [PURPOSES.server] }),
    issue({ name: "CA", extensions: [{ id: "2.5.29.30", critical: true, value: constraints }] }),
    issue({ name: "CA", extensions: [{ id: "2.5.29.19", value: sequence(yes(), der(0x02, Uint8Array.of(1))) }] }),
  ]);
  return issued.flatMap(({ certPem }) => readPem(certPem).flatMap((block) => block.der ?? []));
}

function checkPem(input: Uint8Array): string {
  const text = textOf(input);
  const blocks = readPem(text);
  for (const { label, der: bytes } of blocks) {
    if (bytes === undefined) continue;
    assert.deepEqual(readPem(writePem(label, bytes)), [{ label, encrypted: false, der: bytes }]);
  }
  return shapeOf(
    blocks.map(({ label, encrypted, der: bytes }) => `${label} ${encrypted} ${bytes === undefined}`).join(),
  );
}

/** DER and PEM. */
export const certificateTargets: readonly FuzzTarget[] = [
  {
    name: "certificate",
    holds: "read, or refused with an error of its own; every reader sees the same version",
    isText: false,
    seeds,
    words: [[0x30, 0x80], [0x30, 0x84, 0xff, 0xff, 0xff, 0xff], [0x02, 0x01], [0x06, 0x03, 0x55, 0x1d], [0xa0], [0xa3]]
      .map((bytes) => Uint8Array.from(bytes)),
    longest: 20_000,
    check: checkDer,
  },
  {
    name: "pem",
    holds: "every block is found, and is the same when it is written anew",
    isText: true,
    seeds: async () => Object.values(await makeCaseFiles()).map(inputOf),
    words: [
      ...[
        "-----BEGIN ",
        "-----END ",
        "CERTIFICATE-----\n",
        "PRIVATE KEY-----",
        "-----",
        "\r\n",
        "\r",
        "\ufeff",
        "=",
        "==",
      ],
      ...["Proc-Type: 4,ENCRYPTED\n", "AAAA", "MII", " ", ":"],
    ],
    longest: 200_000,
    check: checkPem,
  },
];
