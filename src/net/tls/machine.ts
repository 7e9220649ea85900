/**
 * TLS without input and output: bytes of the network in, bytes for the network out, and the same for plain bytes. This
 * is the one place that knows the handle in which the runtime's `node:tls` keeps a TLS session, and that has a mode for
 * transports written in JavaScript. Used on its own it leaves sockets, deadlines and back-pressure to us, without
 * Node's streams. See docs/decisions/0010-tls-engine.md.
 *
 * @module
 */

import { createPrivateKey, type KeyObject } from "node:crypto";
import { Duplex } from "node:stream";
import { createSecureContext, TLSSocket } from "node:tls";
import { EndedSessions } from "./ended_sessions.ts";

/** What the handle is asked to do a write or a shutdown with; it needs nothing of it. */
type HandleRequest = Record<string, never>;

/** The handle's certificate of the other side. */
export interface PeerCertificate {
  /** DER. */
  readonly raw?: Uint8Array;
  readonly fingerprint256?: string;
}

/** The part of the runtime's `TLSWrap` that is used. */
interface TlsWrap {
  machine: TlsMachine;
  onread: (this: TlsWrap, data: ArrayBuffer | undefined) => void;
  onhandshakedone: (this: TlsWrap) => void;
  onhandshakestart: () => void;
  onerror: (this: TlsWrap, error: Error & { code?: string }) => void;
  initServerTls(options: object): number;
  initClientTls(serverName: string, options: object): number;
  attachJsStream(): number;
  setHandle(self: TlsWrap): void;
  setAlpnProtocols(wire: Uint8Array): void;
  start(): number;
  readStart(): number;
  readBuffer(ciphertext: Uint8Array): void;
  drainEncOut(): Uint8Array<ArrayBuffer>;
  writeBuffer(request: HandleRequest, plain: Uint8Array): number;
  shutdown(request: HandleRequest): number;
  destroySsl(): void;
  setClosing(): void;
  verifyError(): string;
  isSessionReused(): boolean;
  getPeerCertificate(withChain: boolean): PeerCertificate | null | undefined;
  getPeerCertificateChain(): { readonly certificates: readonly Uint8Array[] } | null | undefined;
  getProtocol(out: { protocol?: string }): number;
  getCipher(out: { name?: string; standardName?: string }): number;
  getAlpnNegotiatedProtocol(out: { alpnProtocol?: string | false }): number;
}

type TlsWrapClass = new (kind: typeof CLIENT | typeof SERVER, asyncId: 0) => TlsWrap;

const [CLIENT, SERVER] = [0, 1] as const;
const NO_REQUEST: HandleRequest = {};

/** The class has no public name; a TLS socket over a stream that does nothing shows it. */
function findTlsWrap(): TlsWrapClass {
  const idle = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
  const socket = new TLSSocket(idle as never, { isServer: false });
  const { _handle: handle } = socket as unknown as { _handle: { constructor: TlsWrapClass } };
  socket.on("error", () => {});
  socket.destroy();
  idle.destroy();
  return handle.constructor;
}

let tlsWrapClass: TlsWrapClass | undefined;

/** How one side of TLS is set up; made once for each certificate or CA, not for each connection. */
export interface MachineSettings {
  /** Which side. */
  readonly side: "client" | "server";
  /** What the handle is initialised with. */
  readonly options: object;
  /** Application protocols in wire form; `undefined` for none. */
  readonly alpn: Uint8Array | undefined;
}

/** What settings are made of. */
export interface MachineOptions {
  /** The certificate and its chain, PEM. */
  readonly certPem: string;
  /** The private key, PEM. */
  readonly keyPem: string;
  /** Who must have signed clients' certificates, PEM; without it clients are not asked for any. */
  readonly clientCaPem: string | null;
  readonly minVersion: "1.2" | "1.3";
  /** Application protocols, the best first; empty for none. */
  readonly alpn: readonly string[];
}

/**
 * The runtime reads the key for every connection. A key on an elliptic curve in the form that may hold any kind of key
 * (PKCS #8) it takes for an RSA key first, which is a third of what starting a session costs; the form of its own
 * (SEC 1) it knows at once.
 */
function quickKey(keyPem: string): string {
  let key: KeyObject;
  try {
    key = createPrivateKey(keyPem);
  } catch {
    // Whether it is a key is for the runtime to say.
    return keyPem;
  }
  return key.asymmetricKeyType === "ec" ? key.export({ type: "sec1", format: "pem" }).toString() : keyPem;
}

/** Sets a server's side up. @throws {Error} when certificate or key cannot be used */
export function machineSettings(options: MachineOptions): MachineSettings {
  const { certPem, keyPem, clientCaPem, minVersion, alpn } = options;
  const secure = createSecureContext({
    cert: certPem,
    key: quickKey(keyPem),
    ...(clientCaPem === null ? {} : { ca: clientCaPem }),
    minVersion: `TLSv${minVersion}`,
    maxVersion: "TLSv1.3",
  }) as unknown as { context: object };
  const mutual = clientCaPem !== null;
  const settings: MachineSettings = {
    side: "server",
    options: { ...secure.context, requestCert: mutual, rejectUnauthorized: mutual },
    alpn: alpn.length === 0 ? undefined : alpnWire(alpn),
  };
  // The runtime looks at certificate and key only when a session starts.
  new TlsMachine(settings).destroy();
  return settings;
}

/**
 * Sets a client's side up. The handshake does not fail because of a bad certificate: whoever uses the machine has to
 * look at {@link TlsMachine.verifyError} and at the certificates before it sends a byte. Names are not looked at at all.
 *
 * @param caPem who must have signed the server's certificate; `null` for the CAs that the runtime trusts
 */
export function clientMachineSettings(caPem: string | null): MachineSettings {
  const secure = createSecureContext({
    ...(caPem === null ? {} : { ca: caPem }),
    minVersion: "TLSv1.2",
    maxVersion: "TLSv1.3",
  }) as unknown as { context: object };
  // A list of CAs with none in it adds none, but keeps this connection out of the sessions that all connections without
  // a list share: a resumed session's certificate is not checked.
  const ca = caPem === null ? { ca: [""], useDefaultCA: true } : {};
  return { side: "client", options: { ...secure.context, ...ca, rejectUnauthorized: false }, alpn: undefined };
}

function alpnWire(names: readonly string[]): Uint8Array {
  return new Uint8Array(names.flatMap((name) => {
    const bytes = new TextEncoder().encode(name);
    return [bytes.length, ...bytes];
  }));
}

/** What is known after a handshake. */
export interface MachineFacts {
  /** `TLSv1.3` */
  readonly version: string;
  /** As OpenSSL calls it, and as the PROXY protocol wants it: `TLS_AES_128_GCM_SHA256` */
  readonly cipher: string;
  readonly alpn: string | null;
  /** Whether the session goes on from an earlier one, whose certificate was checked then. */
  readonly resumed: boolean;
}

function onRead(this: TlsWrap, data: ArrayBuffer | undefined): void {
  this.machine.takePlain(data);
}
function onHandshakeDone(this: TlsWrap): void {
  this.machine.handshakeDone = true;
}
function onError(this: TlsWrap, error: Error & { code?: string }): void {
  this.machine.error ??= error;
}
function ignore(): void {}

/** Smaller buffers are cheaper left to the collector; in bytes. */
const WORTH_GIVING_BACK = 4096;

/**
 * Gives the memory of a buffer back that is not used any more: from here on it is empty. The handle makes a new buffer
 * for whatever it hands out. Left to the collector they go through the caches of the processor one after the other, and
 * for each 64 MB of them V8 looks through all that lives on the thread.
 */
export function giveBack(buffer: ArrayBuffer): void {
  if (buffer.byteLength >= WORTH_GIVING_BACK) buffer.transfer(0);
}

const endedSessions = new EndedSessions();

/** One TLS session, one side of it. */
export class TlsMachine {
  readonly #wrap: TlsWrap;
  #plain: Uint8Array<ArrayBuffer> | undefined;
  readonly #later: Uint8Array<ArrayBuffer>[] = [];
  /** Whether the handshake is over and has succeeded. */
  handshakeDone = false;
  /** Whether the other side has said that it sends nothing more. */
  ended = false;
  /** What went wrong, for good. */
  error: (Error & { code?: string }) | undefined;

  /**
   * @param settings made by {@link machineSettings} or {@link clientMachineSettings}
   * @param serverName what a client asks for; empty for nothing
   * @throws {Error} when certificate and key do not fit
   */
  constructor(settings: MachineSettings, serverName = "") {
    tlsWrapClass ??= findTlsWrap();
    const { side, options } = settings;
    const wrap = new tlsWrapClass(side === "client" ? CLIENT : SERVER, 0);
    this.#wrap = wrap;
    wrap.machine = this;
    wrap.onread = onRead;
    wrap.onhandshakedone = onHandshakeDone;
    wrap.onhandshakestart = ignore;
    wrap.onerror = onError;
    const made = side === "client" ? wrap.initClientTls(serverName, options) : wrap.initServerTls(options);
    if (made !== 0 || wrap.attachJsStream() !== 0) throw new Error("TLS cannot use this certificate and key");
    wrap.setHandle(wrap);
    if (settings.alpn !== undefined) wrap.setAlpnProtocols(settings.alpn);
    if (wrap.start() !== 0) throw new Error("TLS cannot start");
    wrap.readStart();
  }

  /** Takes bytes of the network; the buffer may be used again at once. */
  feed(ciphertext: Uint8Array): void {
    this.#wrap.readBuffer(ciphertext);
  }

  /** Bytes for the network, empty when there are none. */
  drain(): Uint8Array<ArrayBuffer> {
    return this.#wrap.drainEncOut();
  }

  /** Whether there are plain bytes to be read. */
  get hasPlain(): boolean {
    return this.#plain !== undefined;
  }

  /** Plain bytes that have come, copied into `buffer`; 0 when there are none. */
  read(buffer: Uint8Array): number {
    const plain = this.#plain;
    if (plain === undefined) return 0;
    if (plain.length > buffer.length) {
      buffer.set(plain.subarray(0, buffer.length));
      this.#plain = plain.subarray(buffer.length);
      return buffer.length;
    }
    buffer.set(plain);
    const { length } = plain;
    giveBack(plain.buffer);
    this.#plain = this.#later.shift();
    return length;
  }

  /** Encrypts. @throws {Error} after a fault or the end */
  write(plain: Uint8Array): void {
    if (this.#wrap.writeBuffer(NO_REQUEST, plain) !== 0) throw new Error("TLS cannot encrypt any more");
  }

  /** Says that nothing more is sent (close_notify). */
  endWriting(): void {
    this.#wrap.shutdown(NO_REQUEST);
  }

  /** Gives everything back; the machine must not be used after it. */
  destroy(): void {
    this.#wrap.setClosing();
    this.#wrap.destroySsl();
    endedSessions.add();
  }

  /** `TLSv1.2` or `TLSv1.3`; after the handshake. */
  version(): string {
    const out: { protocol?: string } = {};
    this.#wrap.getProtocol(out);
    return out.protocol ?? "";
  }

  /** Whether the session goes on from an earlier one; after the handshake. */
  resumed(): boolean {
    return this.#wrap.isSessionReused();
  }

  /** What is known; after the handshake. */
  facts(): MachineFacts {
    const out: { name?: string; standardName?: string; alpnProtocol?: string | false } = {};
    this.#wrap.getCipher(out);
    this.#wrap.getAlpnNegotiatedProtocol(out);
    return {
      version: this.version(),
      cipher: out.name ?? out.standardName ?? "",
      alpn: out.alpnProtocol || null,
      resumed: this.resumed(),
    };
  }

  /** The certificates that the other side has shown, DER, its own first, whether or not they are good. */
  peerChain(): readonly Uint8Array[] {
    return this.#wrap.getPeerCertificateChain()?.certificates ?? [];
  }

  /** The certificate that the client has shown, whether or not it is good. */
  peerCertificate(): PeerCertificate | undefined {
    return this.#wrap.getPeerCertificate(false) ?? undefined;
  }

  /** What the check of the other side's certificate found; empty when it is good. Never filled for resumed sessions. */
  verifyError(): string {
    return this.#wrap.verifyError();
  }

  /** For the handle. */
  takePlain(data: ArrayBuffer | undefined): void {
    if (data === undefined) this.ended = true;
    else if (this.#plain === undefined) this.#plain = new Uint8Array(data);
    else this.#later.push(new Uint8Array(data));
  }
}
