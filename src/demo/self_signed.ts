/**
 * A self-signed certificate (X.509 v3, ECDSA P-256) for the demo, made at start and never stored.
 *
 * @module
 */

import type { CertificatePair } from "../config/certificates.ts";
import { writePem } from "../config/pem.ts";
import { parseIpv4 } from "../net/ip.ts";
import { bitString, concat, type Der, der, integer, octetString, oid, sequence, set, time, utf8, yes } from "./der.ts";

const ECDSA_WITH_SHA256 = () => sequence(oid("1.2.840.10045.4.3.2"));

/** What the certificate says. */
export interface CertificateRequest {
  /** The subject's common name. */
  readonly name: string;
  /** DNS names and IPv4 addresses that it stands for. */
  readonly hosts: readonly string[];
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** Makes a key and a certificate for it. */
export async function selfSigned(request: CertificateRequest): Promise<CertificatePair> {
  const keys = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign", "verify"]);
  const publicKey = new Uint8Array(await crypto.subtle.exportKey("spki", keys.publicKey));
  const body = toBeSigned(request, publicKey);
  const raw = new Uint8Array(await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, keys.privateKey, body));
  const signature = sequence(integer(raw.subarray(0, 32)), integer(raw.subarray(32)));
  return {
    certPem: writePem("CERTIFICATE", sequence(body, ECDSA_WITH_SHA256(), bitString(signature))),
    keyPem: writePem("PRIVATE KEY", new Uint8Array(await crypto.subtle.exportKey("pkcs8", keys.privateKey))),
  };
}

function toBeSigned({ name, hosts, notBefore, notAfter }: CertificateRequest, publicKey: Uint8Array): Der {
  const serial = crypto.getRandomValues(new Uint8Array(16));
  const subject = sequence(set(sequence(oid("2.5.4.3"), utf8(name))));
  return sequence(
    der(0xa0, integer(Uint8Array.of(2))), // version 3
    integer(serial),
    ECDSA_WITH_SHA256(),
    subject, // the issuer is the subject
    sequence(time(notBefore), time(notAfter)),
    subject,
    publicKey,
    der(
      0xa3,
      sequence(
        extension("2.5.29.17", sequence(...hosts.map(alternativeName))), // subjectAltName
        extension("2.5.29.19", sequence(), true), // basicConstraints: not a CA
        extension("2.5.29.37", sequence(oid("1.3.6.1.5.5.7.3.1"))), // extKeyUsage: serverAuth
      ),
    ),
  );
}

function extension(id: string, value: Uint8Array, critical = false): Der {
  return sequence(oid(id), ...(critical ? [yes()] : []), octetString(concat([value])));
}

function alternativeName(host: string): Der {
  const address = parseIpv4(host);
  return address === undefined ? der(0x82, new TextEncoder().encode(host)) : der(0x87, Uint8Array.from(address));
}
