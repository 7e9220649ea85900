/**
 * TLS conversations in memory, damaged on the way: a byte that says what kind of conversation it is, then four for each
 * damage (which piece of which side, what is done, and where). With the highest bit of the first byte, the rest is what
 * a client sends.
 *
 * @module
 */

import assert from "node:assert/strict";
import { createSecureContext } from "node:tls";
import { readPem } from "../../../src/config/pem.ts";
import {
  clientMachineSettings,
  type MachineSettings,
  machineSettings,
  TlsMachine,
} from "../../../src/net/tls/machine.ts";
import { issue } from "../../support/authority.ts";
import { hello } from "../../unit/net/tls/hello.ts";
import { type FuzzTarget, shapeOf } from "../target.ts";

const root = await issue({ name: "Root", ca: true });
const { certPem, keyPem } = await issue({ name: "localhost", hosts: ["localhost"], issuer: root });

const certificate = readPem(certPem)[0]?.der;

const [RAW, OLD, MUTUAL, ALPN, TALK] = [0x80, 1, 2, 4, 8];

/** What is done to one conversation, and a piece of it is no longer after that. */
const MOST_DAMAGES = 12;
const LONGEST_PIECE = 200_000;

/** A conversation comes to an end long before. */
const MOST_ROUNDS = 40;

const SAID = {
  client: new TextEncoder().encode("from the client ".repeat(300)),
  server: new TextEncoder().encode("from the server ".repeat(1500)),
};

type Side = keyof typeof SAID;

/** By whether clients need a certificate, which none here has, and whether a protocol is agreed on. */
const SERVERS = new Map([0, MUTUAL, ALPN, MUTUAL | ALPN].map((kind) => [
  kind,
  machineSettings({
    ...{ certPem, keyPem, minVersion: "1.2" },
    clientCaPem: (kind & MUTUAL) === 0 ? null : root.certPem,
    alpn: (kind & ALPN) === 0 ? [] : ["h2"],
  }),
]));

const CLIENTS: readonly MachineSettings[] = [clientMachineSettings(root.certPem), oldClient()];

/** One that knows TLS 1.2 only, which Weir itself is never. */
function oldClient(): MachineSettings {
  const { context } = createSecureContext({ ca: root.certPem, maxVersion: "TLSv1.2" }) as unknown as {
    context: object;
  };
  return { side: "client", options: { ...context, rejectUnauthorized: false }, alpn: undefined };
}

/** One end of the conversation. */
class End {
  readonly side: Side;
  readonly machine: TlsMachine;
  /** Bytes that it has heard, each as it was said. */
  heard = 0;
  /** Whether it has said what it has to say, and that it was all. */
  hasTalked = false;
  pieces = 0;

  constructor(side: Side, settings: MachineSettings) {
    this.side = side;
    this.machine = new TlsMachine(settings, side === "client" ? "localhost" : "");
  }

  /** Takes bytes of the network, and looks when it has all. @param from who has said what is in them */
  take(parts: readonly Uint8Array[], from: End): void {
    const { machine, side } = this;
    for (const part of parts) if (machine.error === undefined && part.length > 0) machine.feed(part);
    const buffer = new Uint8Array(5000);
    for (let count = machine.read(buffer); count > 0; count = machine.read(buffer)) {
      assert.ok(machine.handshakeDone, `the ${side} heard something before the handshake`);
      const said = SAID[from.side].subarray(this.heard, this.heard + count);
      const isSame = from.hasTalked && said.length === count && said.every((byte, at) => byte === buffer[at]);
      assert.ok(isSame, `the ${side} heard what nobody has said`);
      this.heard += count;
    }
  }

  /** Says it. */
  talk(): void {
    const { machine, side } = this;
    if (machine.error !== undefined || !machine.handshakeDone || this.hasTalked) return;
    const said = SAID[side];
    for (let at = 0; at < said.length; at += 5000) machine.write(said.subarray(at, at + 5000));
    machine.endWriting();
    this.hasTalked = true;
  }
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function damaged(bytes: Uint8Array, kind: number, place: number): Uint8Array {
  const at = place % (bytes.length + 1);
  switch (kind % 8) {
    case 0:
      return bytes.map((byte, index) => index === at ? byte ^ (1 << (kind >> 5)) : byte);
    case 1:
      return bytes.subarray(0, at);
    case 2:
      return bytes.subarray(at);
    case 3:
      return joined(bytes, bytes.subarray(at));
    case 4:
      return joined(bytes.subarray(0, at), Uint8Array.of(kind), bytes.subarray(at));
    case 5: // a record of its own in front: a change of cipher, an alert, an early word, one that is empty
      return joined(Uint8Array.of(0x14 + (kind >> 3) % 4, 3, 3, 0, 2, 1, place & 255), bytes);
    case 6:
      return joined(bytes.subarray(0, at), Uint8Array.of(0x17, 3, 3, 0, 0), bytes.subarray(at));
    default: // bytes that are far from each other change places
      return joined(bytes.subarray(at), bytes.subarray(0, at));
  }
}

function converse(input: Uint8Array): string {
  const [kind = 0] = input;
  const server = new End("server", SERVERS.get(kind & (MUTUAL | ALPN)) ?? assert.fail());
  const client = new End("client", CLIENTS[kind & OLD] ?? assert.fail());
  let isDamaged = false;
  const carry = (from: End, to: End): boolean => {
    let bytes: Uint8Array = from.machine.drain();
    if (bytes.length === 0) return false;
    const piece = from.pieces++ & 15;
    const end = Math.min(input.length, 1 + 4 * MOST_DAMAGES);
    for (let at = 1; at + 3 < end && bytes.length <= LONGEST_PIECE; at += 4) {
      const [which = 0, how = 0, high = 0, low = 0] = input.subarray(at, at + 4);
      if ((which & 15) !== piece || ((which & 16) === 0) !== (from.side === "client")) continue;
      bytes = damaged(bytes, how, high * 256 + low);
      isDamaged = true;
    }
    // As a network may cut it.
    const size = Math.floor(bytes.length / (1 + (kind >> 4))) + 1;
    const parts = Array.from(
      { length: Math.ceil(bytes.length / size) },
      (_, at) => bytes.slice(at * size, (at + 1) * size),
    );
    to.take(parts, from);
    return true;
  };
  try {
    for (let round = 0, goesOn = true; goesOn && round < MOST_ROUNDS; round++) {
      goesOn = carry(client, server);
      goesOn = carry(server, client) || goesOn;
      if (!goesOn && (kind & TALK) !== 0) {
        client.talk();
        server.talk();
        goesOn = carry(client, server);
        goesOn = carry(server, client) || goesOn;
      }
    }
    for (const [from, to] of [[client, server], [server, client]] as const) assertHonest(from, to);
    const isWhole = !isDamaged && (kind & MUTUAL) === 0;
    if (isWhole) {
      assert.ok(client.machine.handshakeDone && server.machine.handshakeDone, "nothing was damaged, and it failed");
      assert.equal(client.machine.verifyError(), "");
      assert.equal(server.machine.version(), (kind & OLD) === 0 ? "TLSv1.3" : "TLSv1.2");
    }
    if (isWhole && (kind & TALK) !== 0) {
      assert.deepEqual([server.heard, client.heard], [SAID.client.length, SAID.server.length]);
      assert.ok(client.machine.ended && server.machine.ended);
    }
    return [client, server].map(({ machine, heard }) =>
      `${machine.handshakeDone} ${machine.ended} ${heard > 0} ${shapeOf(machine.error?.message ?? "")}`
    ).join();
  } finally {
    client.machine.destroy();
    server.machine.destroy();
  }
}

/** Nobody ends for somebody else, or is somebody else. */
function assertHonest(from: End, to: End): void {
  if (to.machine.ended && to.machine.handshakeDone && to.machine.error === undefined && from.hasTalked) {
    assert.equal(to.heard, SAID[from.side].length, `the ${to.side} took the middle for the end`);
  }
  if (!to.machine.handshakeDone || to.side === "server") return;
  assert.equal(to.machine.verifyError(), "", "the server is somebody else");
  assert.deepEqual(to.machine.peerChain()[0], certificate, "the server is somebody else");
}

/** What a client that is no client of ours sends. */
function listen(input: Uint8Array): string {
  const server = new TlsMachine(SERVERS.get((input[0] ?? 0) & (MUTUAL | ALPN)) ?? assert.fail());
  try {
    for (let at = 1; at < input.length && server.error === undefined; at += 3000) {
      server.feed(input.slice(at, at + 3000));
      server.drain();
    }
    assert.ok(!server.handshakeDone && !server.hasPlain, "a handshake without its other side");
    return shapeOf(server.error?.message ?? "waits");
  } finally {
    server.destroy();
  }
}

const KINDS = Array.from({ length: 16 }, (_, kind) => kind);

/** The target. */
export const tlsMachineTarget: FuzzTarget = {
  name: "tls-machine",
  holds:
    "whatever comes over the network: an error and an alert, or what was said, whole and in order; no end that was not " +
    "said, no plain byte before the handshake, no other server",
  isText: false,
  seeds: () => [
    ...KINDS.map((kind) => Uint8Array.of(kind)),
    ...KINDS.map((kind) => Uint8Array.of(kind | 0x70)),
    ...KINDS.flatMap((kind) =>
      KINDS.map((which) => Uint8Array.of(TALK | kind % 2, which % 4 | (which & 8) << 1, kind, kind * 7, which * 31))
    ),
    ...[hello(), hello({ names: ["localhost"] })].map((bytes) => Uint8Array.of(RAW, ...bytes)),
  ],
  words: [[0x14, 3, 3, 0, 1, 1], [0x15, 3, 3, 0, 2, 2, 0], [0x16, 3, 1, 0, 5], [0x17, 3, 3, 0x40, 0], [
    0x17,
    3,
    3,
    0,
    0,
  ]]
    .map((bytes) => Uint8Array.from(bytes)),
  longest: 40_000,
  check: (input) => ((input[0] ?? 0) & RAW) === 0 ? converse(input) : listen(input),
};
