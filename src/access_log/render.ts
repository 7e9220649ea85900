/**
 * Lines of the access log. Clients choose host names and certificates, so whatever these hold must stay within its
 * value: one record is one line, and nothing in it moves a terminal's cursor.
 *
 * Workers do this, many records at a time: a line costs less to send to the main thread than what it is made of. Pure
 * but for the names of connections that have none, and the memory of the last second.
 *
 * @module
 */

import { formatEndpoint } from "../net/ip.ts";
import type { ProxyEndpoint } from "../net/proxy_protocol/header.ts";
import type { AccessRecord, AccessTls } from "./record.ts";

/** How a line looks. */
export type AccessFormat = "text" | "json";

/** One record as one line, without its line feed. */
export function renderAccess(record: AccessRecord, format: AccessFormat): string {
  return format === "json" ? renderJson(record) : renderText(record);
}

/** Put together by hand, which takes a third of the time of `JSON.stringify`. What is not known is left out. */
function renderJson(record: AccessRecord): string {
  const { peer, server, detail, failure, connectTime, handshakeTime, tls } = record;
  let line = `{"time":"${isoTime(record.time)}","type":"access","id":${quoted(record.id ?? crypto.randomUUID())},` +
    `"listener":${quoted(record.listener)},"client":${quoted(endpoint(record.client))},`;
  if (peer !== null) line += `"peer":${quoted(endpoint(peer))},`;
  line += `"destination":${quoted(endpoint(record.destination))},`;
  if (server !== null) {
    const address = formatEndpoint(server.address, record.serverPort);
    line += `"server":${quoted(server.key)},`;
    if (address !== server.key) line += `"serverAddress":${quoted(address)},`;
  }
  line += `"reason":"${record.reason}",`;
  if (detail !== null) line += `"detail":${quoted(detail)},`;
  if (failure !== null) line += `"failure":"${failure}",`;
  line += `"bytesIn":${record.bytesIn},"bytesOut":${record.bytesOut},"duration":${inMicroseconds(record.duration)}`;
  if (connectTime !== null) line += `,"connectTime":${inMicroseconds(connectTime)}`;
  if (handshakeTime !== null) line += `,"handshakeTime":${inMicroseconds(handshakeTime)}`;
  return `${line}${tls === null ? "" : tlsJson(tls)}}`;
}

function tlsJson({ version, cipher, serverName, clientCn, alpn, resumed }: AccessTls): string {
  const values = [["version", version], ["cipher", cipher], ["serverName", serverName], [
    "clientCn",
    clientCn,
  ]] as const;
  const known = [...values, ["alpn", alpn] as const].map(([key, value]) =>
    value === null ? "" : `"${key}":${quoted(value)},`
  );
  return `,"tls":{${known.join("")}"resumed":${resumed}}`;
}

/** The same, with shorter names. */
function renderText(record: AccessRecord): string {
  const { peer, server, detail, failure, connectTime, handshakeTime, tls } = record;
  let line = `${isoTime(record.time)} access id=${word(record.id ?? crypto.randomUUID())} ` +
    `listener=${word(record.listener)} client=${word(endpoint(record.client))}`;
  if (peer !== null) line += ` peer=${word(endpoint(peer))}`;
  line += ` destination=${word(endpoint(record.destination))}`;
  if (server !== null) {
    const address = formatEndpoint(server.address, record.serverPort);
    line += ` server=${word(server.key)}`;
    if (address !== server.key) line += ` address=${word(address)}`;
  }
  line += ` reason=${record.reason}`;
  if (detail !== null) line += ` detail=${word(detail)}`;
  if (failure !== null) line += ` failure=${failure}`;
  line += ` in=${record.bytesIn} out=${record.bytesOut} duration=${inMicroseconds(record.duration)}`;
  if (connectTime !== null) line += ` connect=${inMicroseconds(connectTime)}`;
  if (handshakeTime !== null) line += ` handshake=${inMicroseconds(handshakeTime)}`;
  return tls === null ? line : line + tlsText(tls);
}

function tlsText({ version, cipher, serverName, clientCn, alpn, resumed }: AccessTls): string {
  const values = [["tls", version], ["cipher", cipher], ["sni", serverName], ["cn", clientCn], ["alpn", alpn]] as const;
  const known = values.map(([key, value]) => value === null ? "" : ` ${key}=${word(value)}`);
  return known.join("") + (resumed ? " resumed=true" : "");
}

function endpoint({ address, port }: ProxyEndpoint): string {
  return formatEndpoint(address, port);
}

/** As it is when it is one plain word, and as a JSON string otherwise. */
function word(value: string): string {
  return PLAIN.test(value) ? value : quoted(value);
}

/** Without blanks, quotes, `=` and whatever else a reader could stumble over. */
const PLAIN = /^[\w.:[\]/@+*-]+$/;

/** A JSON string. */
function quoted(value: string): string {
  return HARMLESS.test(value) ? `"${value}"` : escaped(JSON.stringify(value));
}

/** Printable ASCII that JSON takes as it is. */
const HARMLESS = /^[ !#-[\]-~]*$/;

/** JSON leaves control characters above 0x7e, marks of writing direction and other line ends as they are. */
function escaped(json: string): string {
  return json.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) => {
    return Array.from({ length: character.length }, (_, index) => {
      return `\\u${character.charCodeAt(index).toString(16).padStart(4, "0")}`;
    }).join("");
  });
}

function inMicroseconds(seconds: number): number {
  return Math.round(seconds * 1e6) / 1e6;
}

let second = NaN;
let secondText = "";

/** ISO 8601 with milliseconds, in UTC. @param time milliseconds since 1970 */
function isoTime(time: number): string {
  const milliseconds = time % 1000;
  if (time - milliseconds !== second) {
    second = time - milliseconds;
    secondText = new Date(second).toISOString().slice(0, -"000Z".length);
  }
  return `${secondText}${milliseconds < 10 ? "00" : milliseconds < 100 ? "0" : ""}${milliseconds}Z`;
}
