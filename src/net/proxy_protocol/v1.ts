/**
 * Version 1 of the PROXY protocol: one line of text (section 2.1).
 *
 * @module
 */

import { canonicalAddress, type IpFamily } from "../ip.ts";
import { checkedEndpoint, isAddress } from "./endpoint.ts";
import { type DecodeResult, invalid, type ProxyHeader, quote } from "./header.ts";

/** The first byte of every version 1 header, "P". */
export const V1_START = 0x50;

/** Bytes of the shortest header, `PROXY UNKNOWN` and CRLF (section 2.1). */
export const V1_SHORTEST = 15;

/** Bytes that a line may have at most, CRLF included (section 2.1, "worst case"). */
export const V1_LONGEST = 107;

/** A family's first field, what the line may then hold, and how short and long it can be, CRLF included. */
interface LineForm {
  readonly start: string;
  readonly family?: IpFamily;
  readonly holds: RegExp;
  readonly shortest: number;
  readonly longest: number;
}

const ANYTHING = /^[^]*$/;

const FORMS: readonly LineForm[] = [
  { start: "PROXY TCP4 ", family: "IPv4", holds: /^[0-9. ]*$/, shortest: 32, longest: 56 },
  { start: "PROXY TCP6 ", family: "IPv6", holds: /^[0-9A-Fa-f:. ]*$/, shortest: 22, longest: V1_LONGEST },
  { start: "PROXY UNKNOWN ", holds: ANYTHING, shortest: 16, longest: V1_LONGEST },
  { start: "PROXY UNKNOWN\r\n", holds: ANYTHING, shortest: V1_SHORTEST, longest: V1_SHORTEST },
];

/**
 * Reads a version 1 header at the start of `bytes` (section 2.1). The line is exactly as the specification spells it:
 * single spaces, CRLF, strict dotted quads, decimal ports without leading zeros. IPv6 addresses may end in a dotted
 * quad (RFC 4291, section 2.2), since `inet_ntop` writes some so. After `UNKNOWN` and a space anything is ignored up
 * to the first CRLF. Addresses are not looked at before that CRLF is there, as the section demands.
 *
 * @param bytes everything received so far
 */
export function decodeV1(bytes: Uint8Array): DecodeResult {
  const text = String.fromCharCode(...bytes.subarray(0, V1_LONGEST));
  const form = FORMS.find(({ start }) => text.startsWith(start));
  if (form === undefined) return unfinishedStart(text);
  const end = text.indexOf("\r\n");
  if (end < 0) return unfinishedLine(text, form);
  const length = end + 2;
  if (form.family === undefined) return { state: "done", header: { command: "UNKNOWN" }, length };
  const header = readFields(text.slice(form.start.length, end), form.family);
  return typeof header === "string" ? invalid(header) : { state: "done", header, length };
}

/**
 * Writes a version 1 header (section 2.1). The version has neither LOCAL nor TLVs: a `LOCAL` header is written as
 * `PROXY UNKNOWN`, which asks the receiver for the same, and TLVs are left out.
 *
 * @throws TypeError when an address is not one of the header's family, RangeError when a port is not within 0-65535
 */
export function encodeV1(header: ProxyHeader): Uint8Array {
  return new TextEncoder().encode(`${fieldsOf(header)}\r\n`);
}

function unfinishedStart(text: string): DecodeResult {
  const possible = FORMS.filter(({ start }) => start.startsWith(text));
  if (possible.length === 0) {
    const found = text.startsWith("PROXY ") ? text.slice(0, 16) : text.slice(0, 6);
    return invalid(`Expected "PROXY TCP4 ", "PROXY TCP6 " or "PROXY UNKNOWN", got ${quote(found)}`);
  }
  return { state: "incomplete", atLeast: Math.min(...possible.map(({ shortest }) => shortest)) };
}

function unfinishedLine(text: string, { start, holds, shortest, longest }: LineForm): DecodeResult {
  const endsInCr = text.endsWith("\r");
  if (!holds.test(text.slice(start.length, endsInCr ? -1 : undefined))) {
    return invalid(`Expected addresses, ports and CRLF after "${start}", got ${quote(text)}`);
  }
  const atLeast = Math.max(shortest, text.length + (endsInCr ? 1 : 2));
  if (atLeast > longest) return invalid(`Expected CRLF within ${longest} bytes, got ${quote(text)}`);
  return { state: "incomplete", atLeast };
}

/** The header that a line's fields stand for, or what is wrong with them. */
function readFields(text: string, family: IpFamily): ProxyHeader | string {
  const [source = "", destination = "", sourcePort = "", destinationPort, ...rest] = text.split(" ");
  if (destinationPort === undefined || rest.length > 0) {
    return `Expected two addresses and two ports with single spaces, got ${quote(text)}`;
  }
  if (!isAddress(source, family) || !isAddress(destination, family)) {
    return `Expected two ${family} addresses, got ${quote(`${source} ${destination}`)}`;
  }
  if (!isPort(sourcePort) || !isPort(destinationPort)) {
    return `Expected two ports within 0-65535, got ${quote(`${sourcePort} ${destinationPort}`)}`;
  }
  return {
    command: "PROXY",
    family,
    source: { address: canonicalAddress(source), port: Number(sourcePort) },
    destination: { address: canonicalAddress(destination), port: Number(destinationPort) },
    tlvs: [],
  };
}

function isPort(text: string): boolean {
  return /^(0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65535;
}

function fieldsOf(header: ProxyHeader): string {
  if (header.command !== "PROXY") return "PROXY UNKNOWN";
  const source = checkedEndpoint(header.source, header.family);
  const destination = checkedEndpoint(header.destination, header.family);
  const name = header.family === "IPv4" ? "TCP4" : "TCP6";
  return `PROXY ${name} ${source.address} ${destination.address} ${source.port} ${destination.port}`;
}
