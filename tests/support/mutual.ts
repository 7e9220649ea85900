/** Mutual authentication in tests: a client authority, its clients, and listeners that ask for them. @module */

import { issue, type Issued, type IssueRequest, type KeyKind, newKeys, PURPOSES } from "./authority.ts";
import { CERTIFICATE_STORE, certificateFiles, type TestCertificate } from "./certificates.ts";
import type { Settings } from "./configs.ts";

const DAY_MS = 24 * 3600_000;

/** A moment so many days from now, as certificates give it. */
export function daysFromNow(days: number): string {
  return new Date(Date.now() + days * DAY_MS).toISOString();
}

/** What a client shows. */
export interface ClientCertificate {
  /** The certificate alone, PEM. */
  readonly certPem: string;
  /** Those between it and its root, PEM; empty when there are none. */
  readonly chainPem: string;
  readonly keyPem: string;
}

/** Every kind of client certificate that tests tell apart. */
export const CLIENT_KINDS = [
  "valid",
  "viaIntermediate",
  "otherCA",
  "selfSigned",
  "expired",
  "notYetValid",
  "serverOnly",
] as const;

/** A kind of client certificate. */
export type ClientKind = (typeof CLIENT_KINDS)[number];

/** A client authority and one client of each kind, with keys of one kind. */
export interface Clients {
  readonly root: Issued;
  readonly of: Readonly<Record<ClientKind, ClientCertificate>>;
}

/** Writes the files of a client for `openssl s_client`. @returns what it has to be told */
export async function writeClient(folder: string, client: ClientCertificate): Promise<readonly string[]> {
  const file = await Deno.makeTempFile({ dir: folder });
  const chain = `${file}.chain`;
  await Deno.writeTextFile(file, client.certPem + client.keyPem);
  await Deno.writeTextFile(chain, client.chainPem);
  return ["-cert", file, "-key", file, ...(client.chainPem === "" ? [] : ["-cert_chain", chain])];
}

/** Makes them; the common name of each is its kind. */
export async function issueClients(key: KeyKind = "P-256"): Promise<Clients> {
  const [root, other] = [
    await issue({ name: `Clients ${key}`, ca: true, key }),
    // The same name: only the signature tells them apart.
    await issue({ name: `Clients ${key}`, ca: true, key }),
  ];
  const intermediate = await issue({ name: `Branch ${key}`, ca: true, key, issuer: root });
  const keys = await newKeys(key);
  const client = async (name: ClientKind, request: Partial<IssueRequest> = {}): Promise<ClientCertificate> => {
    const signed = name === "selfSigned" ? {} : { issuer: root };
    const { certPem, keyPem } = await issue({ name, key, keys, ...signed, purposes: [PURPOSES.client], ...request });
    return { certPem, chainPem: request.issuer === intermediate ? intermediate.certPem : "", keyPem };
  };
  return {
    root,
    of: {
      valid: await client("valid"),
      viaIntermediate: await client("viaIntermediate", { issuer: intermediate }),
      otherCA: await client("otherCA", { issuer: other }),
      selfSigned: await client("selfSigned"),
      expired: await client("expired", { from: daysFromNow(-10), to: daysFromNow(-1) }),
      notYetValid: await client("notYetValid", { from: daysFromNow(1), to: daysFromNow(10) }),
      serverOnly: await client("serverOnly", { purposes: [PURPOSES.server] }),
    },
  };
}

/** The sections that {@link overMutualTls} refers to. */
export const MUTUAL_STORE: Settings = {
  certificates: CERTIFICATE_STORE,
  clientCAs: { partners: { certFile: "partners.pem" } },
};

/** The files that {@link MUTUAL_STORE} names. @param roots who may have signed the clients' certificates */
export function mutualFiles(
  certificate: TestCertificate,
  roots: readonly Pick<Issued, "certPem">[],
): Record<string, string> {
  return { ...certificateFiles(certificate), "partners.pem": roots.map(({ certPem }) => certPem).join("") };
}

/** What makes a listener one with mutual authentication. @param tls settings beside those of the certificates */
export function overMutualTls(tls: Settings = {}): Settings {
  return {
    protocol: "TCP_SSL",
    tls: { certificate: "www", authentication: "mutual", clientCA: "partners", ...tls },
  };
}
