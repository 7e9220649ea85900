/**
 * Host names to addresses: by the system's own rules (hosts file, search domains), or by asking given DNS servers.
 *
 * @module
 */

import { lookup, Resolver } from "node:dns/promises";
import { messageOf } from "../errors.ts";
import { canonicalAddress, familyOf } from "./ip.ts";

/** The addresses of a host name. */
export interface NameAnswer {
  /** In their one form, sorted, at least one. */
  readonly addresses: readonly string[];
  /** Seconds for which the answer holds; `null` when nobody says. */
  readonly ttl: number | null;
}

/** Seconds that one DNS server may take to answer, before it is asked once more. */
const SERVER_SECONDS = 2;

interface DnsRecord {
  readonly address: string;
  readonly ttl: number;
}

/**
 * Looks a host name up.
 *
 * @param name a host name
 * @param servers DNS servers as `address` or `address:port`; with none the system's rules hold
 * @throws {Error} when there is no address; the message is for people
 */
export async function resolveName(name: string, servers: readonly string[]): Promise<NameAnswer> {
  const resolver = new Resolver({ timeout: SERVER_SECONDS * 1000, tries: 2 });
  if (servers.length > 0) {
    resolver.setServers(servers);
    const records = await askServers(resolver, name);
    return answerOf(records.map((record) => record.address), ttlOf(records));
  }
  // What the system says is what every other program on this machine goes by; the DNS is asked for the TTL only.
  const [found, hint] = await Promise.allSettled([lookup(name, { all: true }), askServers(resolver, name)]);
  if (found.status === "rejected") throw new Error(reasonOf(found.reason));
  const addresses = found.value.map((entry) => entry.address);
  const records = hint.status === "fulfilled" ? hint.value : [];
  return answerOf(addresses, ttlOf(records.filter((record) => addresses.includes(record.address))));
}

async function askServers(resolver: Resolver, name: string): Promise<DnsRecord[]> {
  const answers = await Promise.allSettled([
    resolver.resolve4(name, { ttl: true }),
    resolver.resolve6(name, { ttl: true }),
  ]);
  const records = answers.flatMap((answer) => answer.status === "fulfilled" ? answer.value : []);
  const failure = answers.find((answer) => answer.status === "rejected");
  // A name with addresses of one family only is no failure.
  if (records.length === 0 && failure !== undefined) throw new Error(reasonOf(failure.reason));
  return records;
}

function ttlOf(records: readonly DnsRecord[]): number | null {
  return records.length === 0 ? null : Math.min(...records.map((record) => record.ttl));
}

function answerOf(found: readonly string[], ttl: number | null): NameAnswer {
  // A scope (`fe80::1%eth0`) has no meaning in a configuration.
  const usable = found.filter((address) => familyOf(address) !== undefined).map(canonicalAddress);
  const addresses = [...new Set(usable)].sort();
  if (addresses.length === 0) throw new Error("the name has no address");
  return { addresses, ttl };
}

const REASONS: Readonly<Record<string, string>> = {
  ENOTFOUND: "the name is not known, or has no address",
  ENODATA: "the name has no address",
  ETIMEOUT: "the DNS server did not answer",
  ECONNREFUSED: "the DNS server refused the connection",
  ESERVFAIL: "the DNS server failed (SERVFAIL)",
  EREFUSED: "the DNS server refused the question",
};

function reasonOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return REASONS[code] ?? messageOf(error);
}
