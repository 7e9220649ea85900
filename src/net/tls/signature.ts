/**
 * Whether one certificate has signed another: the algorithms that TLS 1.3 has for certificates (RFC 8446, 4.2.3),
 * without SHA-1.
 *
 * @module
 */

import type { Certificate } from "./certificate.ts";
import { DerError, type DerValue, expectTag, hex, readOne, readSequence, TAG } from "./strict_der.ts";

interface Check {
  /** What the key is imported for. */
  readonly key: RsaHashedImportParams | EcKeyImportParams | Algorithm;
  /** What the signature is checked with. */
  readonly with: RsaPssParams | EcdsaParams | Algorithm;
  readonly signature: Uint8Array<ArrayBuffer>;
}

const RSA_BITS = { least: 2048, most: 8192 } as const;

/** Whether `issuer` has signed `certificate`; not when either uses what is not known here. */
export async function hasSigned(issuer: Certificate, certificate: Certificate): Promise<boolean> {
  try {
    const check = checkFor(certificate, issuer.publicKey);
    if (check === undefined) return false;
    const key = await crypto.subtle.importKey("spki", issuer.publicKey, check.key, false, ["verify"]);
    const bits: unknown = Reflect.get(key.algorithm, "modulusLength");
    if (typeof bits === "number" && (bits < RSA_BITS.least || bits > RSA_BITS.most)) return false;
    return await crypto.subtle.verify(check.with, key, check.signature, certificate.signed);
  } catch (error) {
    // A key or a signature that cannot be read.
    if (error instanceof DerError || error instanceof DOMException || error instanceof TypeError) return false;
    throw error;
  }
}

const RSA: Readonly<Record<string, string>> = {
  "2a864886f70d01010b": "SHA-256",
  "2a864886f70d01010c": "SHA-384",
  "2a864886f70d01010d": "SHA-512",
};
const ECDSA: Readonly<Record<string, string>> = {
  "2a8648ce3d040302": "SHA-256",
  "2a8648ce3d040303": "SHA-384",
  "2a8648ce3d040304": "SHA-512",
};
const CURVES: Readonly<Record<string, { readonly namedCurve: string; readonly bytes: number }>> = {
  "2a8648ce3d030107": { namedCurve: "P-256", bytes: 32 },
  "2b81040022": { namedCurve: "P-384", bytes: 48 },
  "2b81040023": { namedCurve: "P-521", bytes: 66 },
};
const RSA_PSS = "2a864886f70d01010a";
const ED25519 = "2b6570";

function checkFor({ algorithm, signature }: Certificate, publicKey: Uint8Array<ArrayBuffer>): Check | undefined {
  const [id, parameters] = readSequence(algorithm);
  const name = hex(expectTag(id, TAG.OBJECT_IDENTIFIER).content);
  const rsa = RSA[name];
  if (rsa !== undefined) {
    const check = { name: "RSASSA-PKCS1-v1_5", hash: rsa };
    return { key: check, with: check, signature };
  }
  const ecdsa = ECDSA[name];
  if (ecdsa !== undefined) {
    const curve = curveOf(publicKey);
    if (curve === undefined) return undefined;
    const { namedCurve, bytes } = curve;
    return {
      key: { name: "ECDSA", namedCurve },
      with: { name: "ECDSA", hash: ecdsa },
      signature: flat(signature, bytes),
    };
  }
  if (name === RSA_PSS) {
    const pss = pssOf(parameters);
    if (pss === undefined) return undefined;
    return {
      key: { name: "RSA-PSS", hash: pss.hash },
      with: { name: "RSA-PSS", saltLength: pss.saltLength },
      signature,
    };
  }
  return name === ED25519 ? { key: { name: "Ed25519" }, with: { name: "Ed25519" }, signature } : undefined;
}

function curveOf(publicKey: Uint8Array<ArrayBuffer>) {
  const [algorithm] = readSequence(readOne(publicKey, TAG.SEQUENCE));
  const [, curve] = readSequence(algorithm);
  return CURVES[hex(expectTag(curve, TAG.OBJECT_IDENTIFIER).content)];
}

/** SEQUENCE of two INTEGERs to the two numbers one after the other, each as long as the curve's. */
function flat(signature: Uint8Array<ArrayBuffer>, bytes: number): Uint8Array<ArrayBuffer> {
  const numbers = readSequence(readOne(signature, TAG.SEQUENCE));
  if (numbers.length !== 2) throw new DerError("an ECDSA signature has two numbers");
  const all = new Uint8Array(2 * bytes);
  for (const [index, number] of numbers.entries()) {
    const { content } = expectTag(number, TAG.INTEGER);
    const digits = content[0] === 0 ? content.subarray(1) : content;
    if (digits.length > bytes) throw new DerError("a number is too large for the curve");
    all.set(digits, (index + 1) * bytes - digits.length);
  }
  return all;
}

const SHA2: Readonly<Record<string, number>> = { "SHA-256": 1, "SHA-384": 2, "SHA-512": 3 };

/** The three sets of RSASSA-PSS parameters in use: one hash for all, and a salt as long as it. */
function pssOf(parameters: DerValue | undefined): { readonly hash: string; readonly saltLength: number } | undefined {
  const text = hex(parameters?.whole ?? new Uint8Array());
  for (const [hash, number] of Object.entries(SHA2)) {
    const saltLength = Number(hash.slice("SHA-".length)) / 8;
    const algorithm = `300d060960864801650304020${number}0500`;
    const mask = `301a06092a864886f70d010108${algorithm}`;
    if (text === `3034a00f${algorithm}a11c${mask}a2030201${saltLength.toString(16)}`) return { hash, saltLength };
  }
  return undefined;
}
