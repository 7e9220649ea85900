/** DNS for tests: messages, and a server that answers as a test wants. @module */

/// <reference lib="deno.unstable" />

import { freePort } from "./ports.ts";

/** A resource record of an answer. */
export interface TestRecord {
  /** Whose record it is; without it, of the name that was asked for. */
  readonly owner?: string;
  readonly type: "A" | "AAAA" | "CNAME" | number;
  /** Seconds. */
  readonly ttl?: number;
  /** IPv4 as a dotted quad, IPv6 as eight groups, a name for an alias, or plain bytes. */
  readonly data: string | Uint8Array;
  /** 1 is the internet. */
  readonly recordClass?: number;
}

const TYPES = { A: 1, CNAME: 5, AAAA: 28 } as const;

/** A host name as bytes. */
export function nameBytes(name: string): Uint8Array {
  const labels = name.split(".").flatMap((label) => [label.length, ...new TextEncoder().encode(label)]);
  return Uint8Array.of(...labels, 0);
}

function dataBytes({ type, data }: TestRecord): Uint8Array {
  if (typeof data !== "string") return data;
  if (type === "A") return Uint8Array.from(data.split("."), Number);
  if (type === "CNAME") return nameBytes(data);
  return Uint8Array.from(
    data.split(":").flatMap((group) => {
      const number = parseInt(group, 16);
      return [number >> 8, number & 255];
    }),
  );
}

/** What the question of a message asks for. */
export function questionOf(query: Uint8Array): { readonly name: string; readonly type: number; readonly end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(new TextDecoder().decode(query.subarray(at + 1, at + 1 + length)));
    at += length + 1;
  }
  return { name: labels.join("."), type: (query[at + 1] ?? 0) * 256 + (query[at + 2] ?? 0), end: at + 5 };
}

/** An answer to a query: with its id and question, and these records. */
export function dnsReply(
  query: Uint8Array,
  { code = 0, truncated = false, records = [] }: {
    readonly code?: number;
    readonly truncated?: boolean;
    readonly records?: readonly TestRecord[];
  } = {},
): Uint8Array<ArrayBuffer> {
  const [high = 0, low = 0] = query;
  const head = [high, low, truncated ? 0x83 : 0x81, 0x80 | code, 0, 1, 0, records.length, 0, 0, 0, 0];
  const question = query.subarray(12, questionOf(query).end);
  const body = records.flatMap((record) => {
    const owner = record.owner === undefined ? [0xc0, 12] : [...nameBytes(record.owner)];
    const type = typeof record.type === "number" ? record.type : TYPES[record.type];
    const data = dataBytes(record);
    const fixed = new DataView(new ArrayBuffer(10));
    fixed.setUint16(0, type);
    fixed.setUint16(2, record.recordClass ?? 1);
    fixed.setUint32(4, record.ttl ?? 60);
    fixed.setUint16(8, data.length);
    return [...owner, ...new Uint8Array(fixed.buffer), ...data];
  });
  return Uint8Array.of(...head, ...question, ...body);
}

/** What a server answers; several messages one after the other, or nothing. */
export type DnsHandler = (query: Uint8Array, over: "udp" | "tcp") => readonly Uint8Array<ArrayBuffer>[];

/** Answers over UDP and TCP on one port of loopback. */
export function fakeDns(handler: DnsHandler, hostname = "127.0.0.1") {
  const port = freePort(hostname);
  const asked: ("udp" | "tcp")[] = [];
  const udp = Deno.listenDatagram({ transport: "udp", hostname, port });
  const tcp = Deno.listen({ hostname, port });
  const overUdp = (async () => {
    for await (const [query, from] of udp) {
      asked.push("udp");
      for (const answer of handler(query, "udp")) await udp.send(answer, from);
    }
  })().catch(() => {});
  const overTcp = (async () => {
    for await (const connection of tcp) {
      asked.push("tcp");
      const buffer = new Uint8Array(1024);
      const count = await connection.read(buffer).catch(() => null);
      for (const answer of count === null ? [] : handler(buffer.slice(2, count), "tcp")) {
        await connection.write(Uint8Array.of(answer.length >> 8, answer.length & 255, ...answer)).catch(() => {});
      }
      connection.close();
    }
  })().catch(() => {});
  return {
    /** As `dns.servers` has it. */
    at: hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`,
    /** Every question, by what it came over. */
    asked,
    async [Symbol.asyncDispose]() {
      udp.close();
      tcp.close();
      await Promise.all([overUdp, overTcp]);
    },
  };
}
