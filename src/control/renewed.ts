/**
 * Which certificates a change has renewed, in words.
 *
 * @module
 */

import type { CertificateKind, CertificatePlan, Model } from "../config/model.ts";

const TITLES: Readonly<Record<CertificateKind, string>> = { certificate: "Certificate", clientCA: "Client CA" };

/** `Certificate "www"` */
export function titleOf({ kind, name }: Pick<CertificatePlan, "kind" | "name">): string {
  return `${TITLES[kind]} "${name}"`;
}

/** One line for each certificate and client CA that is in both models and has changed between them. */
export function describeRenewed(before: Model, after: Model): string[] {
  const sections = [[before.certificates, after.certificates], [before.clientCAs, after.clientCAs]] as const;
  return sections.flatMap(([old, next]) =>
    [...next.values()].flatMap((entry) => {
      const previous = old.get(entry.name);
      if (previous === undefined || prints(previous) === prints(entry)) return [];
      return [`${titleOf(entry)} was renewed, valid until ${entry.chain[0].validTo}`];
    })
  );
}

function prints({ chain }: CertificatePlan): string {
  return chain.map((one) => one.fingerprint256).join(",");
}
