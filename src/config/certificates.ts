/**
 * The certificate store: reads certificate and key files and refuses whatever would make handshakes fail later.
 *
 * @module
 */

import { createPrivateKey, type KeyObject } from "node:crypto";
import { messageOf } from "../errors.ts";
import { readCertificateFile } from "./certificate_file.ts";
import { chainFault, ordinal } from "./chain.ts";
import type { Findings } from "./findings.ts";
import type { StoredCertificate } from "./model.ts";
import { readPem, writePem } from "./pem.ts";
import { cannotRead, contentHash, type NamedFiles } from "./read_file.ts";
import type { Config } from "./schema.ts";
import { keyTypeOf, type ParsedCertificate } from "./x509.ts";

/** A certificate chain and its private key, PEM. */
export interface CertificatePair {
  readonly certPem: string;
  readonly keyPem: string;
}

/** A certificate that can be used, and what can be said of it. */
export interface LoadedCertificate {
  readonly pair: CertificatePair;
  readonly stored: StoredCertificate;
}

/**
 * Reads and checks one certificate: files readable, a chain of X.509 certificates in order, an unencrypted private key
 * that belongs to the first, dates, and accepted by the TLS library that will use them.
 *
 * @returns `undefined` when there are errors, which are added to `findings`
 */
export function loadCertificate(
  name: string,
  { certFile, keyFile }: Config["certificates"][string],
  files: NamedFiles,
  now: Date,
  findings: Findings,
): LoadedCertificate | undefined {
  const path = ["certificates", name];
  const [certPath, keyPath] = [[...path, "certFile"], [...path, "keyFile"]];
  const file = readCertificateFile(certFile, certPath, files, now, findings);
  const key = readKey(keyFile, keyPath, files, findings);
  if (file === undefined) return undefined;
  const [quotedCert, quotedKey] = [JSON.stringify(certFile), JSON.stringify(keyFile)];
  const owner = key === undefined ? 0 : file.chain.findIndex((one) => isKeyOf(one, key.key));
  if (key !== undefined && owner > 0) {
    const which = ordinal(owner, file.chain[owner] ?? file.chain[0]);
    findings.error(
      certPath,
      `must begin with the certificate of the private key, got ${quotedCert} in which that is ${which}`,
    );
    return undefined;
  }
  const fault = chainFault(file.chain, quotedCert);
  if (fault !== undefined) findings.error(certPath, fault);
  if (key !== undefined && owner < 0) {
    findings.error(
      keyPath,
      `must be the certificate's private key, got ${quotedKey} for ${quotedCert}; ` +
        'compare "openssl x509 -noout -pubkey -in CERT" with "openssl pkey -pubout -in KEY"',
    );
  }
  if (key === undefined || owner < 0 || fault !== undefined) return undefined;
  const pair = { certPem: file.pem, keyPem: key.pem };
  const refusal = refusalOf(pair);
  if (refusal !== undefined) {
    findings.error(keyPath, `must be a key that TLS can use (${refusal}), got ${quotedKey} for ${quotedCert}`);
    return undefined;
  }
  const hashes = new Map([[certFile, file.hash], [keyFile, key.hash]]);
  return {
    pair,
    stored: {
      name,
      kind: "certificate",
      certFile,
      keyFile,
      chain: file.details,
      persisted: true,
      files: [...hashes].map(([path, hash]) => ({ path, hash })),
    },
  };
}

interface ReadKey {
  readonly key: KeyObject;
  readonly pem: string;
  readonly hash: string;
}

function readKey(file: string, path: string[], files: NamedFiles, findings: Findings): ReadKey | undefined {
  const quoted = JSON.stringify(file);
  let text: string;
  let mode: number | null;
  try {
    text = files.readFile(file);
    mode = files.fileMode(file);
  } catch (error) {
    findings.error(path, cannotRead(file, error));
    return undefined;
  }
  const blocks = readPem(text).filter((block) => block.label.endsWith("PRIVATE KEY"));
  const [block] = blocks;
  const fault = blocks.length > 1
    ? `must hold one private key, got ${quoted} with ${blocks.length}`
    : block !== undefined && (block.encrypted || block.label.startsWith("ENCRYPTED"))
    ? `must hold a private key that is not encrypted, got ${quoted}; "openssl pkey -in FILE -out FILE" decrypts it`
    : undefined;
  const pem = block?.der === undefined ? undefined : writePem(block.label, block.der);
  const key = fault !== undefined || pem === undefined ? undefined : parseKey(pem);
  if (pem === undefined || key === undefined) {
    findings.error(path, fault ?? `must hold an unencrypted PEM private key, got ${quoted}`);
    return undefined;
  }
  const type = keyTypeOf(key) ?? key.asymmetricKeyType ?? "unknown";
  if (!isUsable(type)) {
    findings.error(
      path,
      `must hold an RSA key of 2048 to 8192 bits, an EC key on P-256, P-384 or P-521, or an Ed25519 key, got ${quoted} with ${type}`,
    );
    return undefined;
  }
  if (mode !== null && (mode & 0o077) !== 0) {
    const shown = (mode & 0o7777).toString(8).padStart(4, "0");
    findings.warn(path, `${quoted} can be read by others (mode ${shown}); chmod 600 it`);
  }
  return { key, pem, hash: contentHash(text) };
}

/** Whether every TLS library in the program takes a kind of key. */
function isUsable(type: string): boolean {
  const bits = Number(/^RSA (\d+)$/.exec(type)?.[1] ?? 0);
  return bits >= 2048 && bits <= 8192 || /^(EC P-(256|384|521)|Ed25519)$/.test(type);
}

function parseKey(pem: string): KeyObject | undefined {
  try {
    return createPrivateKey(pem);
  } catch {
    return undefined;
  }
}

function isKeyOf({ x509 }: ParsedCertificate, key: KeyObject): boolean {
  try {
    return x509.checkPrivateKey(key);
  } catch {
    return false; // a certificate for a kind of key that the runtime does not know
  }
}

/** Last, because Deno 2.7 ends the whole program at what it does not take here: the checks above let nothing such by. */
function refusalOf(pair: CertificatePair): string | undefined {
  try {
    // The TLS library reads the pair in the same way for clients and for listeners, and a client needs no socket.
    Deno.createHttpClient({ cert: pair.certPem, key: pair.keyPem }).close();
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}
