/**
 * Asking DNS servers: a datagram, TCP when the answer is too long for one, and the next server when one fails. (What
 * the runtime offers asks the first server only, and does not tell a name that is not known from a server that fails.)
 *
 * @module
 */

/// <reference lib="deno.unstable" />

import { messageOf } from "../../errors.ts";
import { connectTcp } from "../connect.ts";
import { canonicalAddress, familyOf, formatEndpoint, parseEndpoint } from "../ip.ts";
import { type AddressType, decodeAnswer, type DnsAnswer, type DnsQuestion, encodeQuestion } from "./message.ts";

/** Seconds that one DNS server may take to answer. */
export const ATTEMPT_SECONDS = 1;
/** How often the servers are gone through. */
const ROUNDS = 2;
const DNS_PORT = 53;
const DATAGRAM_BYTES = 4096;
/** Response codes that say something of the name, and not of the server. */
const ANSWERED = { success: 0, noSuchName: 3 } as const;
const FAILURES: Readonly<Record<number, string>> = { 1: "FORMERR", 2: "SERVFAIL", 4: "NOTIMP", 5: "REFUSED" };

interface DnsServer {
  readonly address: string;
  readonly port: number;
}

/** How servers are asked. */
export interface AskOptions {
  /** Seconds for one attempt, {@link ATTEMPT_SECONDS} unless a test is in a hurry. */
  readonly seconds?: number;
}

/**
 * Asks for the addresses of one kind that a name has.
 *
 * @param servers `address` or `address:port`, asked in this order: the next one when one fails, twice round
 * @returns the first answer, which may hold no address
 * @throws {Error} when every server failed; the message is for people
 */
export async function askForAddresses(
  servers: readonly string[],
  name: string,
  type: AddressType,
  { seconds = ATTEMPT_SECONDS }: AskOptions = {},
): Promise<DnsAnswer> {
  let reason = "there is no DNS server to ask";
  for (let round = 0; round < ROUNDS; round++) {
    for (const server of servers.map(serverOf)) {
      try {
        const answer = await ask(server, { id: randomId(), name, type }, seconds);
        if (answer.code === ANSWERED.success || answer.code === ANSWERED.noSuchName) return answer;
        reason = `DNS server ${describe(server)}: ${FAILURES[answer.code] ?? `response code ${answer.code}`}`;
      } catch (error) {
        reason = `DNS server ${describe(server)}: ${messageOf(error)}`;
      }
    }
  }
  throw new Error(reason);
}

function serverOf(text: string): DnsServer {
  return parseEndpoint(text) ?? { address: canonicalAddress(text), port: DNS_PORT };
}

function describe({ address, port }: DnsServer): string {
  return formatEndpoint(address, port);
}

/** Not to be guessed by somebody who would like to answer instead of the server. */
function randomId(): number {
  return crypto.getRandomValues(new Uint16Array(1))[0] ?? 0;
}

async function ask(server: DnsServer, question: DnsQuestion, seconds: number): Promise<DnsAnswer> {
  const answer = await askByDatagram(server, question, seconds);
  return answer.truncated ? await askByTcp(server, question, seconds) : answer;
}

async function askByDatagram(server: DnsServer, question: DnsQuestion, seconds: number): Promise<DnsAnswer> {
  const hostname = familyOf(server.address) === "IPv6" ? "::" : "0.0.0.0";
  const socket = Deno.listenDatagram({ transport: "udp", hostname, port: 0 });
  return await within(seconds, socket, async () => {
    await socket.send(encodeQuestion(question), { transport: "udp", hostname: server.address, port: server.port });
    const buffer = new Uint8Array(DATAGRAM_BYTES);
    for (;;) {
      const [bytes, from] = await socket.receive(buffer);
      if (from.transport !== "udp" || from.port !== server.port) continue;
      if (canonicalAddress(from.hostname) !== server.address) continue;
      const answer = decodeAnswer(bytes, question);
      if (answer !== undefined) return answer;
    }
  });
}

async function askByTcp(server: DnsServer, question: DnsQuestion, seconds: number): Promise<DnsAnswer> {
  const giveUp = new AbortController();
  const attempt = { close: () => giveUp.abort() };
  const connection = await within(seconds, attempt, () => connectTcp(server, giveUp.signal));
  return await within(seconds, connection, async () => {
    const message = encodeQuestion(question);
    const framed = new Uint8Array(2 + message.length);
    new DataView(framed.buffer).setUint16(0, message.length);
    framed.set(message, 2);
    for (let sent = 0; sent < framed.length;) sent += await connection.write(framed.subarray(sent));
    const length = new DataView((await readExactly(connection, 2)).buffer).getUint16(0);
    const answer = decodeAnswer(await readExactly(connection, length), question);
    if (answer === undefined || answer.truncated) throw new Error("what it sent is no answer");
    return answer;
  });
}

async function readExactly(connection: Deno.Conn, bytes: number): Promise<Uint8Array<ArrayBuffer>> {
  const buffer = new Uint8Array(bytes);
  for (let have = 0; have < bytes;) {
    const count = await connection.read(buffer.subarray(have));
    if (count === null) throw new Error("it hung up");
    have += count;
  }
  return buffer;
}

/** Works with something that is closed when the work is done, or its time is over; what waits for it fails then. */
async function within<Result>(
  seconds: number,
  used: { close(): void },
  work: () => Promise<Result>,
): Promise<Result> {
  let over = false;
  const timer = setTimeout(() => {
    over = true;
    used.close();
  }, seconds * 1000);
  try {
    return await work();
  } catch (error) {
    throw over ? new Error(`no answer within ${seconds} s`) : error;
  } finally {
    clearTimeout(timer);
    if (!over) used.close();
  }
}
