/**
 * A certificate authority for tests: certificates of any kind, right and wrong, without any program beside Deno.
 *
 * @module
 */

import { createPrivateKey } from "node:crypto";
import { writePem } from "../../src/config/pem.ts";
import {
  bitString,
  type Der,
  der,
  integer,
  octetString,
  oid,
  sequence,
  set,
  time,
  utf8,
  yes,
} from "../../src/demo/der.ts";

/** The kinds of key that can be asked for. */
export type KeyKind = "P-256" | "P-384" | "RSA";

/** What certificates can be meant for. */
export const PURPOSES = { server: "1.3.6.1.5.5.7.3.1", client: "1.3.6.1.5.5.7.3.2", any: "2.5.29.37.0" } as const;

/** What a certificate is to be. */
export interface IssueRequest {
  /** The common name; empty for no subject. */
  readonly name: string;
  /** Who signs it; itself when nobody is given. */
  readonly issuer?: Issued;
  readonly ca?: boolean;
  readonly from?: string;
  readonly to?: string;
  readonly key?: KeyKind;
  /** 3 unless given; a version 1 certificate has no extensions. */
  readonly version?: 1 | 3;
  /** DNS names. */
  readonly hosts?: readonly string[];
  /** Addresses, as their bytes. */
  readonly addresses?: readonly (readonly number[])[];
  /** Extensions beside those that follow from the rest; one that is there already takes its place. */
  readonly extensions?: readonly ExtensionRequest[];
  /** Further parts of the subject, in front of the common name: an object identifier and a text. */
  readonly subject?: readonly (readonly [type: string, text: string])[];
  /** What it is meant for (extended key usage), as object identifiers; for everything when none are given. */
  readonly purposes?: readonly string[];
  /** A key pair of the kind {@link IssueRequest.key}, where making a new one would take too long. */
  readonly keys?: CryptoKeyPair;
}

/** An extension as it is to stand in a certificate. */
export interface ExtensionRequest {
  /** Its object identifier. */
  readonly id: string;
  readonly critical?: boolean;
  readonly value: Der;
}

/** A certificate with its key. */
export interface Issued {
  readonly name: Der;
  readonly keys: CryptoKeyPair;
  readonly kind: KeyKind;
  readonly certPem: string;
  /** PKCS #8. */
  readonly keyPem: string;
}

const ALGORITHMS = {
  "P-256": { generate: { name: "ECDSA", namedCurve: "P-256" }, sign: { name: "ECDSA", hash: "SHA-256" } },
  "P-384": { generate: { name: "ECDSA", namedCurve: "P-384" }, sign: { name: "ECDSA", hash: "SHA-384" } },
  "RSA": {
    generate: {
      name: "RSASSA-PKCS1-v1_5",
      modulusLength: 2048,
      publicExponent: Uint8Array.of(1, 0, 1),
      hash: "SHA-256",
    },
    sign: { name: "RSASSA-PKCS1-v1_5" },
  },
} as const;

const SIGNATURES: Readonly<Record<KeyKind, () => Der>> = {
  "P-256": () => sequence(oid("1.2.840.10045.4.3.2")),
  "P-384": () => sequence(oid("1.2.840.10045.4.3.3")),
  "RSA": () => sequence(oid("1.2.840.113549.1.1.11"), der(0x05)),
};

/** A new key pair. */
export async function newKeys(kind: KeyKind): Promise<CryptoKeyPair> {
  return await crypto.subtle.generateKey(ALGORITHMS[kind].generate, true, ["sign", "verify"]) as CryptoKeyPair;
}

/** Issues a certificate, valid from 2020 to 2089 unless the request says otherwise. */
export async function issue(request: IssueRequest): Promise<Issued> {
  const { key: kind = "P-256", issuer } = request;
  const keys = request.keys ?? await newKeys(kind);
  const parts = [...request.subject ?? [], ...(request.name === "" ? [] : [["2.5.4.3", request.name] as const])];
  const name = sequence(...parts.map(([type, text]) => set(sequence(oid(type), utf8(text)))));
  const signer = issuer ?? { name, keys, kind };
  const body = await toBeSigned(request, name, signer, keys.publicKey);
  const raw = new Uint8Array(await crypto.subtle.sign(ALGORITHMS[signer.kind].sign, signer.keys.privateKey, body));
  const half = raw.length / 2;
  const signature = signer.kind === "RSA" ? raw : sequence(integer(raw.subarray(0, half)), integer(raw.subarray(half)));
  return {
    name,
    keys,
    kind,
    certPem: writePem("CERTIFICATE", sequence(body, SIGNATURES[signer.kind](), bitString(signature))),
    keyPem: writePem("PRIVATE KEY", new Uint8Array(await crypto.subtle.exportKey("pkcs8", keys.privateKey))),
  };
}

async function toBeSigned(
  { version = 3, ca = false, hosts = [], addresses = [], purposes = [], ...request }: IssueRequest,
  name: Der,
  signer: Pick<Issued, "name" | "kind">,
  key: CryptoKey,
): Promise<Der> {
  const [from, to] = [request.from ?? "2020-01-01T00:00:00Z", request.to ?? "2089-01-01T00:00:00Z"];
  const names = [
    ...hosts.map((host) => der(0x82, new TextEncoder().encode(host))),
    ...addresses.map((address) => der(0x87, Uint8Array.from(address))),
  ];
  const wanted = new Map<string, ExtensionRequest>();
  const want = (extension: ExtensionRequest) => wanted.set(extension.id, extension);
  want({ id: "2.5.29.19", critical: true, value: ca ? sequence(yes()) : sequence() });
  if (names.length > 0) want({ id: "2.5.29.17", value: sequence(...names) });
  if (purposes.length > 0) want({ id: "2.5.29.37", value: sequence(...purposes.map(oid)) });
  for (const extension of request.extensions ?? []) want(extension);
  const extensions = [...wanted.values()].map(({ id, critical, value }) =>
    sequence(oid(id), ...(critical === true ? [yes()] : []), octetString(value))
  );
  return sequence(
    ...(version === 3 ? [der(0xa0, integer(Uint8Array.of(2)))] : []),
    integer(crypto.getRandomValues(new Uint8Array(16))),
    SIGNATURES[signer.kind](),
    signer.name,
    sequence(time(new Date(from)), time(new Date(to))),
    name,
    new Uint8Array(await crypto.subtle.exportKey("spki", key)),
    ...(version === 3 ? [der(0xa3, sequence(...extensions))] : []),
  );
}

/** A root, an intermediate and a server's certificate for `host`. */
export async function issueChain(host: string, key: KeyKind = "P-256") {
  const root = await issue({ name: "Root", ca: true, key });
  const intermediate = await issue({ name: "Intermediate", ca: true, issuer: root, key });
  const leaf = await issue({ name: host, hosts: [host], issuer: intermediate, key });
  return { root, intermediate, leaf };
}

/** The same key in the form that older programs write: SEC1 (`EC PRIVATE KEY`) or PKCS #1 (`RSA PRIVATE KEY`). */
export function traditionalKey({ keyPem, kind }: Pick<Issued, "keyPem" | "kind">): string {
  const key = createPrivateKey(keyPem);
  return String(key.export({ type: kind === "RSA" ? "pkcs1" : "sec1", format: "pem" }));
}
