/**
 * Host names to addresses: by the system's own rules (hosts file, search domains), or by asking given DNS servers.
 *
 * @module
 */

import { lookup } from "node:dns/promises";
import { messageOf } from "../errors.ts";
import { askForAddresses, type AskOptions } from "./dns/ask.ts";
import type { DnsAnswer } from "./dns/message.ts";
import { canonicalAddress, familyOf, type IpFamily } from "./ip.ts";

/** The addresses of a host name. */
export interface NameAnswer {
  /** In their one form, sorted, at least one. */
  readonly addresses: readonly string[];
  /** Seconds for which the answer holds; `null` when nobody says. */
  readonly ttl: number | null;
  /** The family of which nobody knows whether there are addresses, because that question alone failed. */
  readonly unsure: IpFamily | null;
}

/**
 * Looks a host name up.
 *
 * @param name a host name
 * @param servers DNS servers as `address` or `address:port`; with none the system's rules hold
 * @throws {Error} when there is no address; the message is for people
 */
export async function resolveName(
  name: string,
  servers: readonly string[],
  options: AskOptions = {},
): Promise<NameAnswer> {
  return servers.length === 0 ? await askSystem(name) : await askServers(name, servers, options);
}

async function askServers(name: string, servers: readonly string[], options: AskOptions): Promise<NameAnswer> {
  const [four, six] = await Promise.allSettled([
    askForAddresses(servers, name, "A", options),
    askForAddresses(servers, name, "AAAA", options),
  ]);
  const failed = [four, six].find((one) => one.status === "rejected");
  const answers = [four, six].flatMap((one) => one.status === "fulfilled" ? one.value : []);
  const found = answers.flatMap(({ addresses }) => addresses);
  if (found.length === 0) throw failed === undefined ? noAddress(answers) : new Error(messageOf(failed.reason));
  const unsure = failed === undefined ? null : failed === four ? "IPv4" : "IPv6";
  return { addresses: inOrder(found), ttl: least(answers.flatMap(({ ttl }) => ttl ?? [])), unsure };
}

function noAddress(answers: readonly DnsAnswer[]): Error {
  const isKnown = answers.some(({ code }) => code === 0);
  return new Error(isKnown ? "the name has no address" : "the name is not known (NXDOMAIN)");
}

/** What the system says is what every other program on this machine goes by; it does not say for how long. */
async function askSystem(name: string): Promise<NameAnswer> {
  let found: string[];
  try {
    found = (await lookup(name, { all: true })).map(({ address }) => address);
  } catch (error) {
    throw new Error(isUnknownName(error) ? "the name is not known, or has no address" : messageOf(error));
  }
  // A scope (`fe80::1%eth0`) has no meaning in a configuration.
  const addresses = inOrder(found.filter((address) => familyOf(address) !== undefined));
  if (addresses.length === 0) throw new Error("the name has no address");
  return { addresses, ttl: null, unsure: null };
}

function isUnknownName(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOTFOUND";
}

/** Sorted, because the order of a DNS answer changes all the time and means nothing. */
function inOrder(addresses: readonly string[]): string[] {
  return [...new Set(addresses.map(canonicalAddress))].sort();
}

function least(numbers: readonly number[]): number | null {
  return numbers.length === 0 ? null : Math.min(...numbers);
}
