/**
 * Lines of the access log. Clients choose host names and certificates, so whatever these hold must stay within its
 * value: one record is one line, and nothing in it moves a terminal's cursor. Pure.
 *
 * @module
 */

import type { AccessRecord } from "./record.ts";

/** How a line looks. */
export type AccessFormat = "text" | "json";

/** One record as one line, without its line feed. @param id a name for a connection that has none yet */
export function renderAccess(record: AccessRecord, format: AccessFormat, id: () => string): string {
  return format === "json" ? renderJson(record, id) : renderText(record, id);
}

function renderJson(record: AccessRecord, id: () => string): string {
  return escaped(JSON.stringify({
    time: new Date(record.time).toISOString(),
    type: "access",
    id: record.id ?? id(),
    listener: record.listener,
    client: record.client,
    peer: record.peer,
    destination: record.destination,
    server: record.server,
    serverAddress: record.serverAddress,
    reason: record.reason,
    detail: record.detail,
    failure: record.failure,
    bytesIn: record.bytesIn,
    bytesOut: record.bytesOut,
    duration: inMicroseconds(record.duration),
    connectTime: inMicroseconds(record.connectTime),
    handshakeTime: inMicroseconds(record.handshakeTime),
    tls: record.tls,
  }));
}

/** What is not known is left out. */
function renderText(record: AccessRecord, id: () => string): string {
  const { tls } = record;
  const fields: readonly (readonly [string, string | number | boolean | null])[] = [
    ["id", record.id ?? id()],
    ["listener", record.listener],
    ["client", record.client],
    ["peer", record.peer],
    ["destination", record.destination],
    ["server", record.server],
    ["address", record.serverAddress],
    ["reason", record.reason],
    ["detail", record.detail],
    ["failure", record.failure],
    ["in", record.bytesIn],
    ["out", record.bytesOut],
    ["duration", inMicroseconds(record.duration)],
    ["connect", inMicroseconds(record.connectTime)],
    ["handshake", inMicroseconds(record.handshakeTime)],
    ["tls", tls?.version ?? null],
    ["cipher", tls?.cipher ?? null],
    ["sni", tls?.serverName ?? null],
    ["cn", tls?.clientCn ?? null],
    ["alpn", tls?.alpn ?? null],
    ["resumed", tls?.resumed === true ? true : null],
  ];
  let line = `${new Date(record.time).toISOString()} access`;
  for (const [key, value] of fields) {
    if (value !== null) line += ` ${key}=${typeof value === "string" ? textValue(value) : value}`;
  }
  return line;
}

/** As it is when it is one plain word, and as a JSON string otherwise. */
function textValue(value: string): string {
  return /^[\w.:[\]/@+*-]+$/.test(value) ? value : escaped(JSON.stringify(value));
}

/** JSON leaves control characters above 0x7e, marks of writing direction and other line ends as they are. */
function escaped(json: string): string {
  return json.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) => {
    return Array.from({ length: character.length }, (_, index) => {
      return `\\u${character.charCodeAt(index).toString(16).padStart(4, "0")}`;
    }).join("");
  });
}

function inMicroseconds<Seconds extends number | null>(seconds: Seconds): number | Seconds {
  return seconds === null ? seconds : Math.round(seconds * 1e6) / 1e6;
}
