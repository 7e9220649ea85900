/**
 * One certificate: parsed, with what people want to know of it and what the checks need.
 *
 * @module
 */

import { type KeyObject, X509Certificate } from "node:crypto";
import { derElement, versionOf } from "../net/tls/der.ts";
import type { CertificateDetails } from "./model.ts";

/** A certificate that could be read. */
export interface ParsedCertificate {
  readonly x509: X509Certificate;
  readonly der: Uint8Array;
  /** 1 or 3 (2 was never used). */
  readonly version: number;
  /** The object identifier of the signature's algorithm, DER in hexadecimal. */
  readonly signatureAlgorithm: string;
  readonly details: CertificateDetails;
}

/** Reads a certificate; `undefined` when the bytes are none. */
export function parseCertificate(der: Uint8Array): ParsedCertificate | undefined {
  try {
    const x509 = new X509Certificate(der);
    return { x509, der, ...readOuterDer(der), details: detailsOf(x509) };
  } catch {
    return undefined;
  }
}

/** `RSA 2048`, `EC P-256`, `Ed25519`: what a key is; `undefined` for kinds that the runtime does not know. */
export function keyTypeOf(key: KeyObject): string | undefined {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  if (type === "rsa") return `RSA ${details?.modulusLength ?? 0}`;
  if (type === "ec") return `EC ${CURVES[details?.namedCurve ?? ""] ?? details?.namedCurve ?? "?"}`;
  return type === "ed25519" ? "Ed25519" : undefined;
}

const CURVES: Readonly<Record<string, string>> = { prime256v1: "P-256", secp384r1: "P-384", secp521r1: "P-521" };

/**
 * `CN=www.example.com`: a name on one line, commas within its parts escaped. The runtime has no text for an empty one,
 * which certificates with alternative names alone have.
 */
function nameOnOneLine(name: string | undefined): string {
  return (name ?? "").split("\n").filter((part) => part !== "").map((part) => part.replaceAll(",", "\\,")).join(", ");
}

function detailsOf(x509: X509Certificate): CertificateDetails {
  return {
    subject: nameOnOneLine(x509.subject),
    sans: alternativeNames(x509.subjectAltName),
    issuer: nameOnOneLine(x509.issuer),
    validFrom: new Date(x509.validFrom).toISOString(),
    validTo: new Date(x509.validTo).toISOString(),
    // Some runtimes leave out a leading zero.
    serial: x509.serialNumber.padStart(Math.ceil(x509.serialNumber.length / 2) * 2, "0").toUpperCase(),
    fingerprint256: x509.fingerprint256,
    keyType: publicKeyType(x509),
  };
}

function publicKeyType(x509: X509Certificate): string {
  try {
    return keyTypeOf(x509.publicKey) ?? "unknown";
  } catch {
    return "unknown";
  }
}

/** `["DNS:www.example.com", "IP:192.0.2.1"]` */
function alternativeNames(text: string | undefined): string[] {
  if (text === undefined || text === "") return [];
  return text.split(/, (?=[A-Za-z][A-Za-z ]*:)/).map((name) => name.replace(/^IP Address:/, "IP:"));
}

/** The two things that `X509Certificate` does not tell: Certificate ::= { tbs { [0] version … }, { algorithm … }, … }. */
function readOuterDer(der: Uint8Array): { readonly version: number; readonly signatureAlgorithm: string } {
  const tbs = derElement(der, derElement(der, 0).start);
  const algorithm = derElement(der, derElement(der, tbs.end).start);
  const oid = der.subarray(algorithm.start, algorithm.end);
  return {
    version: versionOf(der),
    signatureAlgorithm: Array.from(oid, (byte) => byte.toString(16).padStart(2, "0")).join(""),
  };
}
