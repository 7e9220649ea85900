/**
 * The certificate store, and what each listener takes from it.
 *
 * @module
 */

import { known } from "./known.ts";
import type { CertificateDetails, CertificateKind, CertificatePlan, TlsCertificatePlan, TlsPlan } from "./model.ts";
import type { Config, ListenerConfig } from "./schema.ts";
import type { ValidConfig } from "./validate.ts";

/** How a listener ends TLS; `null` when it does not. */
export function resolveTls({ name, tls }: ListenerConfig, valid: ValidConfig): TlsPlan | null {
  if (tls === undefined) return null;
  const { certificates, clientCAs, stored } = valid;
  const [first, ...others] = namesIn(tls, "certificate").map((certificate): TlsCertificatePlan => {
    const { certPem, keyPem } = known(certificates.get(certificate), certificate);
    const entry = known(stored.find((one) => one.kind === "certificate" && one.name === certificate), certificate);
    return { name: certificate, certPem, keyPem, serverNames: serverNamesOf(entry.chain[0]) };
  });
  const { engine, minVersion, alpn, handshakeTimeout, maxHandshakes } = tls;
  return {
    engine,
    certificates: [known(first, name), ...others],
    clientCA: tls.clientCA === undefined
      ? null
      : { name: tls.clientCA, pem: known(clientCAs.get(tls.clientCA), tls.clientCA) },
    minVersion,
    alpn,
    handshakeTimeout,
    maxHandshakes,
  };
}

/** The entries of one section of the certificate store, each with the listeners that use it. */
export function resolveStore({ config, stored }: ValidConfig, kind: CertificateKind): Map<string, CertificatePlan> {
  return new Map(
    stored.filter((entry) => entry.kind === kind).map((entry) => {
      const users = config.listeners.filter((listener) =>
        namesIn(listener.tls, kind).includes(entry.name) ||
        (kind === "clientCA" && serverCaOf(listener, config) === entry.name)
      );
      return [entry.name, { ...entry, users: users.map((listener) => listener.name) }];
    }),
  );
}

/** The entries of the certificate store that a listener names, in its order. */
function namesIn(tls: ListenerConfig["tls"], kind: CertificateKind): readonly string[] {
  if (kind === "clientCA") return tls?.clientCA === undefined ? [] : [tls.clientCA];
  return tls?.certificates ?? (tls?.certificate === undefined ? [] : [tls.certificate]);
}

/** The CA that must have signed the certificates of a listener's servers, if it has any. */
function serverCaOf({ backends, backendGroup = "" }: ListenerConfig, { backendGroups }: Config): string | undefined {
  const tls = (backends ?? backendGroups[backendGroup])?.backendTls;
  return tls?.enabled === true && tls.verify ? tls.ca : undefined;
}

/** The host names that a certificate is for: its alternative names, or, in old ones without any, its common name. */
function serverNamesOf({ sans, subject }: CertificateDetails): readonly string[] {
  const names = sans.flatMap((name) => name.startsWith("DNS:") ? [name.slice("DNS:".length)] : []);
  const common = sans.length === 0 ? /(?:^|, )CN=([^,]+)/.exec(subject)?.[1] : undefined;
  return (common === undefined ? names : [common]).map((name) => name.toLowerCase());
}
