/**
 * Internet addresses: parsing, families and the one way to write them.
 *
 * @module
 */

/** An address family. */
export type IpFamily = "IPv4" | "IPv6";

const IPV4_OCTET = /^(0|[1-9]\d{0,2})$/;
const IPV6_GROUP = /^[0-9a-fA-F]{1,4}$/;

/** Reads a dotted quad strictly (four decimal octets, no leading zeros); `undefined` when it is not one. */
export function parseIpv4(text: string): readonly number[] | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  const octets = parts.map((part) => IPV4_OCTET.test(part) ? Number(part) : 256);
  return octets.every((octet) => octet <= 255) ? octets : undefined;
}

/** Reads an IPv6 address (RFC 4291, no zone) into eight 16-bit groups; `undefined` when it is not one. */
export function parseIpv6(text: string): readonly number[] | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = readGroups(halves[0] ?? "", halves.length === 1);
  const tail = halves.length === 2 ? readGroups(halves[1] ?? "", true) : [];
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1) return missing === 0 ? head : undefined;
  return missing >= 1 ? [...head, ...new Array<number>(missing).fill(0), ...tail] : undefined;
}

function readGroups(text: string, mayEndInIpv4: boolean): number[] | undefined {
  if (text === "") return [];
  const groups: number[] = [];
  const parts = text.split(":");
  for (const [index, part] of parts.entries()) {
    if (IPV6_GROUP.test(part)) {
      groups.push(parseInt(part, 16));
      continue;
    }
    const octets = mayEndInIpv4 && index === parts.length - 1 ? parseIpv4(part) : undefined;
    if (octets === undefined) return undefined;
    const [a = 0, b = 0, c = 0, d = 0] = octets;
    groups.push(a * 256 + b, c * 256 + d);
  }
  return groups;
}

/** The family of an address literal; `undefined` for anything else (a host name, say). */
export function familyOf(address: string): IpFamily | undefined {
  if (parseIpv4(address) !== undefined) return "IPv4";
  return parseIpv6(address) === undefined ? undefined : "IPv6";
}

/**
 * The one way in which an address is written: RFC 5952 for IPv6, so that two spellings of one address compare equal.
 * Anything that is not an address literal comes back as it is.
 */
export function canonicalAddress(address: string): string {
  const groups = parseIpv6(address);
  if (groups === undefined) return address;
  let runStart = -1;
  let runLength = 1; // a single zero group is not shortened
  for (let start = 0; start < 8; start++) {
    let end = start;
    while (end < 8 && groups[end] === 0) end++;
    if (end - start > runLength) {
      runStart = start;
      runLength = end - start;
    }
  }
  const hex = (from: number, to: number) => groups.slice(from, to).map((group) => group.toString(16)).join(":");
  return runStart < 0 ? hex(0, 8) : `${hex(0, runStart)}::${hex(runStart + runLength, 8)}`;
}

/** The one way in which a server is named: its address in its one form, or its host name in small letters. */
export function canonicalHost(host: string): string {
  return familyOf(host) === undefined ? host.toLowerCase() : canonicalAddress(host);
}

const MAPPED_PREFIX = "::ffff:";

/** The family that a peer really speaks: a dual-stack socket reports IPv4 peers as `::ffff:a.b.c.d`. */
export function peerFamily(address: string): IpFamily {
  return plainPeerAddress(address).includes(":") ? "IPv6" : "IPv4";
}

/** A peer's address without the `::ffff:` that a dual-stack socket puts in front of IPv4 peers, in either spelling. */
export function plainPeerAddress(address: string): string {
  if (!address.startsWith(MAPPED_PREFIX)) return address;
  const groups = parseIpv6(address);
  const [high = 0, low = 0] = groups?.slice(6) ?? [];
  const isMapped = groups?.slice(0, 6).every((group, index) => group === (index === 5 ? 0xffff : 0)) ?? false;
  return isMapped ? [high >> 8, high & 255, low >> 8, low & 255].join(".") : address;
}

/** `address:port`, with brackets around an IPv6 address. @param port one port, or several as a text */
export function formatEndpoint(address: string, port: number | string): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

/** Reads `address:port` or `[ipv6]:port`; `undefined` when it is neither or the port is not within 1-65535. */
export function parseEndpoint(text: string): { readonly address: string; readonly port: number } | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:\[\]]+)):(\d{1,5})$/.exec(text);
  if (match === null) return undefined;
  const address = match[1] ?? match[2] ?? "";
  const port = Number(match[3]);
  if (port < 1 || port > 65535) return undefined;
  if (match[1] !== undefined && familyOf(match[1]) !== "IPv6") return undefined;
  return { address: canonicalAddress(address), port };
}

/** Whether an address can be reached from this machine only. */
export function isLoopback(address: string): boolean {
  const canonical = canonicalAddress(address);
  return canonical === "::1" || canonical === "localhost" || parseIpv4(canonical)?.[0] === 127;
}

/** Whether an address stands for every address of its family (`0.0.0.0`) or of both (`::`). */
export function isWildcard(address: string): boolean {
  return address === "0.0.0.0" || canonicalAddress(address) === "::";
}

/** Reads a CIDR block or a single address; `undefined` when it is neither. */
export function parseCidr(text: string): { readonly family: IpFamily; readonly prefix: number } | undefined {
  const [address = "", prefixText, ...rest] = text.split("/");
  const family = familyOf(address);
  if (family === undefined || rest.length > 0) return undefined;
  const longest = family === "IPv4" ? 32 : 128;
  if (prefixText === undefined) return { family, prefix: longest };
  if (!/^(0|[1-9]\d{0,2})$/.test(prefixText) || Number(prefixText) > longest) return undefined;
  return { family, prefix: Number(prefixText) };
}
