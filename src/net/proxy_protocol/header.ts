/**
 * What a PROXY protocol header says, whichever version it was written in, and what decoding one can come to.
 * The section numbers beside the names are those of the specification, "The PROXY protocol, versions 1 & 2".
 *
 * @module
 */

import type { IpFamily } from "../ip.ts";

/** One end of a proxied connection. */
export interface ProxyEndpoint {
  /** An address literal of the header's family; a decoded one is canonical (RFC 5952 for IPv6). */
  readonly address: string;
  /** 0-65535; the protocol allows 0. */
  readonly port: number;
}

/** One type-length-value of a version 2 header (section 2.2). */
export interface Tlv {
  /** 0-255, see `TlvType`. */
  readonly type: number;
  /** At most 65,535 bytes. */
  readonly value: Uint8Array;
}

/** A connection made on behalf of another: its original ends (sections 2.1 and 2.2, command PROXY). */
export interface ProxiedConnection {
  readonly command: "PROXY";
  /** The family of both addresses. */
  readonly family: IpFamily;
  /** The client. */
  readonly source: ProxyEndpoint;
  /** What the client connected to. */
  readonly destination: ProxyEndpoint;
  /** In the order of the header; always empty in version 1. Checksum and padding are left out. */
  readonly tlvs: readonly Tlv[];
}

/**
 * What a header says of its connection. `LOCAL` (section 2.2): the sender's own connection, a probe say. `UNKNOWN`
 * (section 2.1, and AF_UNSPEC, AF_UNIX and datagrams in section 2.2): proxied, but from nowhere that TCP could name.
 * For both of these the connection's own addresses are to be used.
 */
export type ProxyHeader =
  | ProxiedConnection
  | { readonly command: "LOCAL" }
  | { readonly command: "UNKNOWN" };

/** More bytes are needed. */
export interface IncompleteHeader {
  readonly state: "incomplete";
  /** No header that starts with these bytes is shorter than this in all; always more than what was given. */
  readonly atLeast: number;
}

/** A whole header was read. */
export interface DecodedHeader {
  readonly state: "done";
  readonly header: ProxyHeader;
  /** Bytes that the header took; payload begins right after them. */
  readonly length: number;
}

/** No bytes to come can make this a header: the connection is to be ended (section 2.1, "must be discarded"). */
export interface InvalidHeader {
  readonly state: "invalid";
  /** A sentence without its period: what was expected and what was found. Printable ASCII only, and short. */
  readonly reason: string;
}

/** What decoding has come to so far. */
export type DecodeResult = IncompleteHeader | DecodedHeader | InvalidHeader;

/** An {@link InvalidHeader}. */
export function invalid(reason: string): InvalidHeader {
  return { state: "invalid", reason };
}

/** A byte or another small number, as it is written in a reason: `0x0d`. */
export function hex(value: number): string {
  return `0x${value.toString(16).padStart(2, "0")}`;
}

/** Text from the network in quotes, its first 64 characters, with all that could disturb a log or a terminal escaped. */
export function quote(text: string): string {
  const shown = text.length > 64 ? `${text.slice(0, 61)}...` : text;
  return JSON.stringify(shown).replace(/[^ -~]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
