/**
 * Whether a certificate leads to a CA that is trusted (RFC 5280, 6.1).
 *
 * The TLS library has looked at the chain before. But the handle that it is used through takes some chains for good by
 * the names in them alone, without a look at the signatures (version 1 certificates, and such as it cannot read). So
 * both must agree.
 *
 * @module
 */

import type { Certificate } from "./certificate.ts";
import { hex } from "./strict_der.ts";
import { mayVouchFor, type ServerIdentity } from "./server_identity.ts";
import { hasSigned } from "./signature.ts";

/** Certificates that somebody may show; real chains have two or three. */
export const MOST_CERTIFICATES = 10;

/** Signatures that are looked at for one chain, so that one made for it keeps nobody busy. */
const MOST_SIGNATURES = 50;

const SERVER_AUTHENTICATION = "2b06010505070301";
const CLIENT_AUTHENTICATION = "2b06010505070302";
const ANY_PURPOSE = "551d2500";

/** Whether a certificate's purposes leave servers in. */
export function isForServers({ purposes }: Pick<Certificate, "purposes">): boolean {
  return purposes === null || purposes.includes(SERVER_AUTHENTICATION) || purposes.includes(ANY_PURPOSE);
}

/** Whether a certificate's purposes leave clients in; "any" is not enough for the TLS library, so it is not here. */
function isForClients({ purposes }: Certificate): boolean {
  return purposes === null || purposes.includes(CLIENT_AUTHENTICATION);
}

/** Whether a certificate is valid at a time, milliseconds since 1970. */
export function isValidAt({ validFrom, validTo }: Pick<Certificate, "validFrom" | "validTo">, now: number): boolean {
  return validFrom <= now && now <= validTo;
}

/** What a chain is checked against. */
export interface TrustQuestion {
  /** CAs that are trusted. */
  readonly anchors: readonly Certificate[];
  /** Who a server must be: CAs may be held to some names. `null` for a client, which need not be anybody by name. */
  readonly identity: ServerIdentity | null;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/**
 * The certificates that lead from somebody's own to a trusted CA, both included; `undefined` when none do.
 *
 * @param chain as it was shown, the own certificate first; the others in any order
 */
export async function pathToTrust(
  chain: readonly Certificate[],
  { anchors, identity, now }: TrustQuestion,
): Promise<readonly Certificate[] | undefined> {
  const [own, ...others] = chain;
  if (own === undefined || chain.length > MOST_CERTIFICATES) return undefined;
  const isForPurpose = identity === null ? isForClients : isForServers;
  const isSound = (one: Certificate) =>
    one.version === 3 && !one.hasUnknownCritical && isForPurpose(one) && isValidAt(one, now);
  // A client's names are not looked at, so a CA that is held to some of them vouches for none.
  const mayVouch = (names: Certificate["names"]) => identity === null ? names === null : mayVouchFor(names, identity);
  if (!isSound(own)) return undefined;
  // Trusted by itself: a self-signed certificate that was given as the CA.
  if (anchors.some((anchor) => isSame(anchor, own))) return [own];
  let signatures = 0;
  const maySign = (issuer: Certificate, below: readonly Certificate[]) =>
    isSound(issuer) && issuer.isCa && issuer.maySign && mayVouch(issuer.names) &&
    // The own certificate does not count.
    (issuer.pathLength === null || below.length - 1 <= issuer.pathLength);
  const lead = async (below: readonly Certificate[]): Promise<readonly Certificate[] | undefined> => {
    const last = below.at(-1);
    if (last === undefined) return undefined;
    for (const issuer of [...anchors, ...others]) {
      if (issuer.subject !== last.issuer || !maySign(issuer, below)) continue;
      if (below.some((one) => isSame(one, issuer)) || ++signatures > MOST_SIGNATURES) continue;
      if (!(await hasSigned(issuer, last))) continue;
      const path = [...below, issuer];
      const found = anchors.some((anchor) => isSame(anchor, issuer)) ? path : await lead(path);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  return await lead([own]);
}

function isSame(a: Certificate, b: Certificate): boolean {
  return a.der.length === b.der.length && hex(a.der) === hex(b.der);
}
