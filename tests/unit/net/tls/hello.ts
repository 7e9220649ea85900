/** ClientHellos made by hand, right and wrong, and those of real clients. @module */

/** What a hello is to say. */
export interface HelloParts {
  /** The version of old, which newer clients leave at TLS 1.2. */
  readonly legacyVersion?: number;
  /** Names in the server name extension; none leaves it out. */
  readonly names?: readonly (string | Uint8Array)[];
  /** The supported versions extension; left out unless it is given. */
  readonly versions?: readonly number[];
  /** Bytes of a padding extension. */
  readonly padding?: number;
  /** Ends after the compression methods, as very old clients' do. */
  readonly bare?: boolean;
}

const number = (value: number, size: number) =>
  Array.from({ length: size }, (_, index) => Math.floor(value / 256 ** (size - 1 - index)) % 256);
const block = (size: number, content: readonly number[]) => [...number(content.length, size), ...content];

/** The handshake message, without a record around it. */
export function helloMessage(parts: HelloParts = {}): Uint8Array<ArrayBuffer> {
  const { legacyVersion = 0x0303, names = [], versions, padding, bare = false } = parts;
  const bytesOf = (name: string | Uint8Array) => typeof name === "string" ? [...new TextEncoder().encode(name)] : name;
  const extension = (type: number, content: readonly number[]) => [...number(type, 2), ...block(2, content)];
  const extensions = [
    // GREASE (RFC 8701), an extension that nobody knows
    ...extension(0x1a1a, [0]),
    ...(names.length === 0
      ? []
      : extension(0, block(2, names.flatMap((name) => [0, ...block(2, [...bytesOf(name)])])))),
    ...extension(10, block(2, [0, 0x17])),
    ...(versions === undefined ? [] : extension(43, block(1, versions.flatMap((version) => number(version, 2))))),
    ...(padding === undefined ? [] : extension(21, new Array<number>(padding).fill(0))),
  ];
  const body = [
    ...number(legacyVersion, 2),
    ...new Array<number>(32).fill(7), // random
    ...block(1, new Array<number>(32).fill(8)), // session id
    ...block(2, [0x13, 0x01, 0xc0, 0x2b]), // cipher suites
    ...block(1, [0]), // compression
    ...(bare ? [] : block(2, extensions)),
  ];
  return Uint8Array.from([1, ...block(3, body)]);
}

/** A handshake message in records of at most `most` bytes. */
export function inRecords(message: Uint8Array, most = 16_384, type = 22): Uint8Array<ArrayBuffer> {
  const bytes: number[] = [];
  for (let at = 0; at < message.length; at += most) {
    bytes.push(type, 3, 1, ...block(2, [...message.subarray(at, at + most)]));
  }
  return Uint8Array.from(bytes);
}

/** A hello in one record. */
export function hello(parts: HelloParts = {}): Uint8Array<ArrayBuffer> {
  return inRecords(helloMessage(parts));
}

/** The first bytes that a client sends, which is told a port of loopback and may fail. */
export async function captureHello(connect: (port: number) => Promise<unknown>): Promise<Uint8Array<ArrayBuffer>> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const connecting = connect(listener.addr.port).catch(() => {});
  const accepted = await listener.accept();
  const all = new Uint8Array(20_000);
  let filled = 0;
  // Up to the end of the first record, as its head says.
  while (filled < 5 || filled < 5 + (all[3] ?? 0) * 256 + (all[4] ?? 0)) {
    const count = await accepted.read(all.subarray(filled));
    if (count === null) break;
    filled += count;
  }
  accepted.close();
  await connecting;
  return all.slice(0, filled);
}
