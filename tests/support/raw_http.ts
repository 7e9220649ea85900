/** HTTP to the byte, for requests that no well-behaved client sends. @module */

import { writeAll } from "./servers.ts";

/** What came back. */
export interface RawAnswer {
  /** 0 when nothing did. */
  readonly status: number;
  /** By name in small letters. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** Sends text to 127.0.0.1 and reads until the other side closes, or the answer with its body is there. */
export async function rawRequest(port: number, text: string): Promise<RawAnswer> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  try {
    await writeAll(connection, new TextEncoder().encode(text));
  } catch { /* it was cut off before it had read everything */ }
  const buffer = new Uint8Array(64 * 1024);
  let received = "";
  while (!isWhole(received)) {
    const count = await connection.read(buffer).catch(() => null);
    if (count === null) break;
    received += new TextDecoder("latin1").decode(buffer.subarray(0, count));
  }
  const [head = "", ...rest] = received.split("\r\n\r\n");
  const [first = "", ...lines] = head.split("\r\n");
  const headers = new Map(lines.map((line) => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
  }));
  const body = rest.join("\r\n\r\n");
  const isChunked = headers.get("transfer-encoding") === "chunked";
  return { status: Number(first.split(" ")[1] ?? 0), headers, body: isChunked ? withoutChunks(body) : body };
}

function withoutChunks(body: string): string {
  const size = /^([0-9a-f]+)\r\n/i.exec(body);
  if (size === null) return "";
  const [start, length] = [size[0].length, parseInt(size[1] ?? "0", 16)];
  return length === 0 ? "" : body.slice(start, start + length) + withoutChunks(body.slice(start + length + 2));
}

function isWhole(received: string): boolean {
  const end = received.indexOf("\r\n\r\n");
  if (end < 0) return false;
  const length = /\r\ncontent-length: (\d+)/i.exec(received.slice(0, end))?.[1];
  if (length !== undefined) return received.length >= end + 4 + Number(length);
  return received.endsWith("0\r\n\r\n");
}
