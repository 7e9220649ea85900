/**
 * How a listener ends TLS, made ready once: its certificates by the names that clients ask for.
 *
 * @module
 */

import type { TlsSettings } from "./accept.ts";
import type { CheckedCertificates } from "./client_certificate.ts";
import { type MachineSettings, machineSettings } from "./machine.ts";

/** One certificate and the host names that it is for. */
export interface NamedCertificate {
  readonly certPem: string;
  readonly keyPem: string;
  /** In lower case; `*.example.com` stands for one label. */
  readonly serverNames: readonly string[];
}

/** What settings are made of. */
export interface TlsServerOptions {
  /** The first is for clients that ask for no name, or for none of those here. */
  readonly certificates: readonly NamedCertificate[];
  /** Who must have signed clients' certificates, PEM; `null` asks clients for none. */
  readonly clientCaPem: string | null;
  readonly minVersion: "1.2" | "1.3";
  /** Application protocols, the best first. */
  readonly alpn: readonly string[];
}

const VERSIONS = { "1.2": 0x0303, "1.3": 0x0304 } as const;

/** Makes settings. @param checkedBy where certificates that passed are remembered, by client CA @throws {Error} */
export function tlsSettings(
  options: TlsServerOptions,
  checkedBy: (clientCaPem: string) => CheckedCertificates,
): TlsSettings {
  const { certificates, clientCaPem, minVersion, alpn } = options;
  const names = new Map<string, MachineSettings>();
  const made = certificates.map((certificate) => {
    const { certPem, keyPem } = certificate;
    const settings = machineSettings({ certPem, keyPem, clientCaPem, minVersion, alpn });
    for (const name of certificate.serverNames) {
      if (!names.has(name)) names.set(name, settings);
    }
    return settings;
  });
  const [first] = made;
  if (first === undefined) throw new Error("A TLS listener needs a certificate");
  return {
    minVersion: VERSIONS[minVersion],
    checked: clientCaPem === null ? null : checkedBy(clientCaPem),
    settingsFor: made.length === 1 ? () => first : (serverName) => lookUp(names, serverName) ?? first,
  };
}

/** An exact name goes before a wildcard (RFC 6125, 6.4.3: one label, the leftmost). Pure. */
export function lookUp<Found>(names: ReadonlyMap<string, Found>, serverName: string | null): Found | undefined {
  if (serverName === null) return undefined;
  const exact = names.get(serverName);
  if (exact !== undefined) return exact;
  const dot = serverName.indexOf(".");
  return dot < 1 ? undefined : names.get(`*${serverName.slice(dot)}`);
}
