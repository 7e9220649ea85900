/**
 * Times, addresses and names, from HAProxy's form to Weir's. Pure.
 *
 * @module
 */

import { familyOf } from "../../net/ip.ts";

const UNITS: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A time in milliseconds, which is the unit of a bare number unless another is given; `undefined` when it is none. */
export function readTime(text: string, bare = 1): number | undefined {
  const match = /^(\d+)(us|ms|s|m|h|d)?$/.exec(text);
  if (match === null) return undefined;
  return Number(match[1]) * (match[2] === undefined ? bare : UNITS[match[2]] ?? 1);
}

/** Whole seconds within a range, and what to say when it is not what was asked for. */
export function toSeconds(milliseconds: number, range: readonly [min: number, max: number]) {
  const exact = milliseconds / 1000;
  const seconds = Math.min(range[1], Math.max(range[0], Math.ceil(exact)));
  const note = seconds === exact
    ? undefined
    : exact < range[0] || exact > range[1]
    ? `is ${exact} s, and Weir takes ${range[0]}-${range[1]}: ${seconds} is written`
    : `is ${exact} s, and Weir takes whole seconds: ${seconds} is written`;
  return { seconds, note };
}

/** A whole number of 0 or more; `undefined` when it is none. */
export function readNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}

/** An address with what follows it. */
export interface Place {
  /** Empty for any. */
  readonly address: string;
  /** What stands after the last colon; empty without one. */
  readonly port: string;
}

/** An address and port, `undefined` for what is neither IP nor a name: sockets in the file system and descriptors. */
export function readPlace(text: string): Place | undefined {
  const bare = text.replace(/^(ipv[46]|tcp[46]?)@/, "");
  if (bare.startsWith("/") || bare.includes("@")) return undefined;
  const bracketed = /^\[([^\]]+)\](?::(.*))?$/.exec(bare);
  if (bracketed !== null) return { address: bracketed[1] ?? "", port: bracketed[2] ?? "" };
  const colon = bare.lastIndexOf(":");
  // The colon of a variable's default is none of the address's.
  if (colon < 0 || bare.indexOf("}", colon) >= 0) return { address: bare, port: "" };
  return { address: bare.slice(0, colon), port: bare.slice(colon + 1) };
}

/** An address to listen on; `undefined` for host names. */
export function listenAddress(address: string, isIpv6: boolean): string | undefined {
  if (address === "" || address === "*") return isIpv6 ? "::" : "0.0.0.0";
  return familyOf(address) === undefined ? undefined : address;
}

/** The last part of a path, without its ending. */
export function stem(path: string): string {
  return (path.split("/").filter((part) => part !== "").at(-1) ?? "").replace(/\.[A-Za-z]+$/, "");
}

/** Gives names that Weir takes, each once. */
export class Names {
  readonly #taken = new Set<string>();

  /** The nearest free name. */
  give(wanted: string): string {
    const clean = wanted.replaceAll(/[^A-Za-z0-9._-]/g, "-").replace(/^[^A-Za-z0-9]+/, "").slice(0, 55) || "x";
    let name = clean;
    for (let number = 2; this.#taken.has(name); number++) name = `${clean}-${number}`;
    this.#taken.add(name);
    return name;
  }
}
