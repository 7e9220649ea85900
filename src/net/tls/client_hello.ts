/**
 * The first message of a TLS client (RFC 8446, 4.1.2), as far as it has to be known before a certificate is chosen:
 * which server the client asks for, and which versions it speaks. Reading only; TLS itself is done elsewhere.
 *
 * @module
 */

/** What a client says of itself. */
export interface ClientHello {
  /** The host name it asks for (SNI), in lower case; `null` when it names none. */
  readonly serverName: string | null;
  /** The newest version it speaks, as on the wire: 0x0303 is TLS 1.2, 0x0304 TLS 1.3. */
  readonly newestVersion: number;
}

/** What became of reading. */
export type ClientHelloResult =
  /** The message is not complete; nothing more can be said before there are `atLeast` bytes in all. */
  | { readonly state: "more"; readonly atLeast: number }
  | { readonly state: "done"; readonly hello: ClientHello }
  /** These bytes are no ClientHello, or a far too large one. */
  | { readonly state: "invalid"; readonly reason: "not_tls" | "hello_too_large" };

/** Bytes that a ClientHello may have, over all its records; ordinary ones have 200 to 2,000. */
export const MAX_CLIENT_HELLO = 16_384;

/** Bytes that may come before a ClientHello is complete: records can be tiny, and each has its own head. */
export const MAX_CLIENT_HELLO_BYTES = 2 * MAX_CLIENT_HELLO;

const RECORD_HEAD = 5;
const HANDSHAKE_RECORD = 22;
const MAX_RECORD = 16_384;
const CLIENT_HELLO = 1;
const MESSAGE_HEAD = 4;
const EXTENSION_SERVER_NAME = 0;
const EXTENSION_SUPPORTED_VERSIONS = 43;
const HOST_NAME = 0;

const NOT_TLS: ClientHelloResult = { state: "invalid", reason: "not_tls" };
const TOO_LARGE: ClientHelloResult = { state: "invalid", reason: "hello_too_large" };

/**
 * How far a ClientHello has been read: records that are complete are not read again, or a hello in tiny ones would cost
 * its sender little and us much.
 */
export class HelloProgress {
  #message = new Uint8Array(0);
  /** Bytes of complete records. */
  at = 0;
  /** Bytes of the message in them. */
  filled = 0;

  /** Room for the message. @param length bytes that have come */
  messageFor(length: number): Uint8Array {
    if (this.#message.length < length) {
      const larger = new Uint8Array(Math.max(length, 2 * this.#message.length));
      larger.set(this.#message.subarray(0, this.filled));
      this.#message = larger;
    }
    return this.#message;
  }

  /** A record is complete. */
  passed(at: number, filled: number): void {
    this.at = at;
    this.filled = filled;
  }
}

/**
 * Reads a ClientHello out of everything that a client has sent so far.
 *
 * @param progress how far the same bytes were read before
 */
export function readClientHello(bytes: Uint8Array, progress = new HelloProgress()): ClientHelloResult {
  const message = joinRecords(bytes.subarray(0, MAX_CLIENT_HELLO_BYTES), progress);
  if (!(message instanceof Uint8Array)) {
    return message.state === "more" && message.atLeast > MAX_CLIENT_HELLO_BYTES ? TOO_LARGE : message;
  }
  const reader = new Reader(message);
  reader.skip(MESSAGE_HEAD);
  const legacyVersion = reader.number(2);
  reader.skip(32);
  reader.skip(reader.number(1));
  reader.skip(reader.number(2));
  reader.skip(reader.number(1));
  let serverName: string | null = null;
  let newestVersion = legacyVersion;
  // A hello without extensions ends here; what is cut short or odd is for the TLS library to refuse.
  const extensions = reader.part(reader.number(2));
  while (extensions.left >= 4) {
    const type = extensions.number(2);
    const extension = extensions.part(extensions.number(2));
    if (type === EXTENSION_SERVER_NAME) serverName = readServerName(extension);
    if (type === EXTENSION_SUPPORTED_VERSIONS) newestVersion = readNewestVersion(extension);
  }
  return { state: "done", hello: { serverName, newestVersion } };
}

/** The handshake message without its record heads; or why there is none. */
function joinRecords(bytes: Uint8Array, progress: HelloProgress): Uint8Array | ClientHelloResult {
  const message = progress.messageFor(bytes.length);
  let { at, filled } = progress;
  let needed = filled >= MESSAGE_HEAD ? MESSAGE_HEAD + numberAt(message, 1, 3) : MESSAGE_HEAD;
  while (at < bytes.length) {
    if (bytes[at] !== HANDSHAKE_RECORD || (bytes[at + 1] ?? 3) !== 3) return NOT_TLS;
    const start = at + RECORD_HEAD;
    if (bytes.length < start) return { state: "more", atLeast: start };
    const length = numberAt(bytes, at + 3, 2);
    if (length === 0 || length > MAX_RECORD) return NOT_TLS;
    const part = bytes.subarray(start, start + length);
    message.set(part, filled);
    filled += part.length;
    if (filled > 0 && message[0] !== CLIENT_HELLO) return NOT_TLS;
    if (filled >= MESSAGE_HEAD) {
      needed = MESSAGE_HEAD + numberAt(message, 1, 3);
      if (needed > MAX_CLIENT_HELLO) return TOO_LARGE;
      if (filled >= needed) return message.subarray(0, needed);
    }
    at = start + length;
    if (at <= bytes.length) progress.passed(at, filled);
  }
  // In the middle of a record its end is what comes next, or that of the message; at its end the head of another one.
  return { state: "more", atLeast: at > bytes.length ? Math.min(at, bytes.length + needed - filled) : at + 1 };
}

function readServerName(extension: Reader): string | null {
  const names = extension.part(extension.number(2));
  while (names.left >= 3) {
    const type = names.number(1);
    const name = names.part(names.number(2));
    if (type === HOST_NAME && name.left > 0) return new TextDecoder("latin1").decode(name.rest()).toLowerCase();
  }
  return null;
}

function readNewestVersion(extension: Reader): number {
  const versions = extension.part(extension.number(1));
  let newest = 0;
  while (versions.left >= 2) {
    const version = versions.number(2);
    // Values of the form 0x?A?A are there to be ignored (RFC 8701, GREASE), drafts are no versions.
    if (version > newest && version <= 0x0304) newest = version;
  }
  return newest;
}

/** Goes through bytes; what is not there reads as zero. */
class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get left(): number {
    return Math.max(0, this.#bytes.length - this.#at);
  }

  skip(count: number): void {
    this.#at += count;
  }

  number(size: number): number {
    const value = numberAt(this.#bytes, this.#at, size);
    this.#at += size;
    return value;
  }

  part(length: number): Reader {
    const part = new Reader(this.#bytes.subarray(this.#at, this.#at + length));
    this.#at += length;
    return part;
  }

  rest(): Uint8Array {
    return this.#bytes.subarray(this.#at);
  }
}

function numberAt(bytes: Uint8Array, at: number, size: number): number {
  let value = 0;
  for (let index = at; index < at + size; index++) value = value * 256 + (bytes[index] ?? 0);
  return value;
}
