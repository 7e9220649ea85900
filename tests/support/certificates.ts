/** Certificates for tests. @module */

import { selfSigned } from "../../src/demo/self_signed.ts";
import type { Settings } from "./configs.ts";

/** A certificate and its key, PEM. */
export interface TestCertificate {
  readonly certPem: string;
  readonly keyPem: string;
}

/** A new self-signed certificate for localhost. */
export function testCertificate(): Promise<TestCertificate> {
  const now = Date.now();
  return selfSigned({
    name: "Weir test",
    hosts: ["localhost", "127.0.0.1"],
    notBefore: new Date(now - 3600_000),
    notAfter: new Date(now + 365 * 24 * 3600_000),
  });
}

/** The files that {@link CERTIFICATE_STORE} names. */
export function certificateFiles({ certPem, keyPem }: TestCertificate): Record<string, string> {
  return { "www.pem": certPem, "www.key": keyPem };
}

/** The `certificates` section for one certificate called `www`. */
export const CERTIFICATE_STORE: Settings = { www: { certFile: "www.pem", keyFile: "www.key" } };

/** What makes a listener a TCP-SSL one. @param tls settings beside the certificate */
export function overTls(tls: Settings = {}): Settings {
  return { protocol: "TCP_SSL", tls: { certificate: "www", ...tls } };
}

/** Connects with TLS to 127.0.0.1 and trusts one certificate. */
export async function connectTls(port: number, certificate: TestCertificate): Promise<Deno.TlsConn> {
  const connection = await Deno.connectTls({ hostname: "127.0.0.1", port, caCerts: [certificate.certPem] });
  try {
    await connection.handshake();
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}
