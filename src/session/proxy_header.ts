/**
 * The PROXY protocol on a session: reading a header in front of a client's bytes, and writing one in front of those
 * that go to a server.
 *
 * @module
 */

import type { ProxyProtocolPlan } from "../config/model.ts";
import { plainPeerAddress } from "../net/ip.ts";
import { decodeProxyHeader } from "../net/proxy_protocol/decode.ts";
import type { ProxiedConnection, ProxyEndpoint, ProxyHeader, Tlv } from "../net/proxy_protocol/header.ts";
import { encodeV1 } from "../net/proxy_protocol/v1.ts";
import { SslClient, sslTlv } from "../net/proxy_protocol/ssl_tlv.ts";
import { alpnTlv, asciiBytes, authorityTlv, uniqueIdTlv } from "../net/proxy_protocol/tlv.ts";
import { encodeV2 } from "../net/proxy_protocol/v2.ts";
import type { ByteStream } from "../net/stream.ts";

/** Both ends of a client's connection, as the client knows them. */
export interface Route {
  readonly source: ProxyEndpoint;
  readonly destination: ProxyEndpoint;
}

/** A header was read; `rest` is what the client has sent after it. */
export interface ReadHeader {
  readonly header: ProxyHeader;
  readonly rest: Uint8Array;
}

/** Bytes that are read at once; most headers fit. */
const READ_BYTES = 512;

/**
 * Reads a header, however it is split. Whoever closes the stream ends the reading.
 *
 * @returns the header; `undefined` when the client ended before its first byte, as probes do; or what is wrong
 */
export async function readProxyHeader(client: ByteStream): Promise<ReadHeader | string | undefined> {
  let bytes = new Uint8Array(READ_BYTES);
  let filled = 0;
  for (;;) {
    const count = await client.read(bytes.subarray(filled));
    if (count === null || count === 0) return filled === 0 ? undefined : "the connection ended within the header";
    filled += count;
    const result = decodeProxyHeader(bytes.subarray(0, filled));
    if (result.state === "invalid") return result.reason;
    if (result.state === "done") return { header: result.header, rest: bytes.slice(result.length, filled) };
    if (result.atLeast > bytes.length || filled === bytes.length) {
      const larger = new Uint8Array(Math.max(result.atLeast, filled + READ_BYTES));
      larger.set(bytes.subarray(0, filled));
      bytes = larger;
    }
  }
}

/** The client's route: what a header says of it, or else the connection's own ends. */
export function routeOf(
  connection: { remoteAddr: Deno.NetAddr; localAddr: Deno.NetAddr },
  header?: ProxyHeader,
): Route {
  const plain = (address: string, port: number) => ({ address: plainPeerAddress(address), port });
  const { remoteAddr, localAddr } = connection;
  const source = header?.command === "PROXY" ? header.source : { address: remoteAddr.hostname, port: remoteAddr.port };
  const destination = header?.command === "PROXY"
    ? header.destination
    : { address: localAddr.hostname, port: localAddr.port };
  return { source: plain(source.address, source.port), destination: plain(destination.address, destination.port) };
}

/** What is known of a client's TLS connection; `null` where the runtime does not tell. */
export interface TlsFacts {
  /** `TLSv1.3` */
  readonly version: string | null;
  readonly cipher: string | null;
  readonly alpn: string | null;
  /** The host name that the client asked for. */
  readonly serverName: string | null;
  /** Who the client is by its certificate, which was verified; `null` when it showed none. */
  readonly client: { readonly commonName: string | null } | null;
  /** Whether the session goes on from an earlier one, over which the certificate was shown. */
  readonly resumed: boolean;
}

/** The header for a server, ready to be sent. @param uniqueId a name that no other connection has, told with TLS */
export function buildProxyHeader(
  { source, destination }: Route,
  plan: ProxyProtocolPlan,
  tls: TlsFacts | null,
  uniqueId: string = crypto.randomUUID(),
): Uint8Array {
  const header: ProxiedConnection = { command: "PROXY", ...inOneFamily(source, destination), tlvs: [] };
  if (plan.version === 1) return encodeV1(header);
  return encodeV2({ ...header, tlvs: tlvsFor(tls, uniqueId) }, { crc32c: plan.checksum });
}

/** A header has one family; when a header that was read mixed two, IPv4 goes as IPv6 in its mapped form. */
function inOneFamily(source: ProxyEndpoint, destination: ProxyEndpoint): Pick<ProxiedConnection, "family"> & Route {
  const isIpv6 = ({ address }: ProxyEndpoint) => address.includes(":");
  if (!isIpv6(source) && !isIpv6(destination)) return { family: "IPv4", source, destination };
  const mapped = (endpoint: ProxyEndpoint) =>
    isIpv6(endpoint) ? endpoint : { ...endpoint, address: `::ffff:${endpoint.address}` };
  return { family: "IPv6", source: mapped(source), destination: mapped(destination) };
}

function tlvsFor(tls: TlsFacts | null, uniqueId: string): readonly Tlv[] {
  if (tls === null) return [];
  return [
    ...(tls.alpn === null ? [] : [alpnTlv(tls.alpn)]),
    ...(tls.serverName === null ? [] : [authorityTlv(tls.serverName)]),
    uniqueIdTlv(asciiBytes(uniqueId)),
    sslTlv({
      client: SslClient.SSL | certificateBits(tls),
      // Clients whose certificate is not good do not get this far.
      verify: tls.client === null ? 1 : 0,
      ...(tls.version === null ? {} : { version: tls.version }),
      ...(tls.cipher === null ? {} : { cipher: tls.cipher }),
      ...(tls.client === null || tls.client.commonName === null ? {} : { commonName: tls.client.commonName }),
    }),
  ];
}

function certificateBits({ client, resumed }: TlsFacts): number {
  if (client === null) return 0;
  return SslClient.CERT_SESS | (resumed ? 0 : SslClient.CERT_CONN);
}
