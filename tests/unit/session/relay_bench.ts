/**
 * A relay between two streams in memory, with buffers that are counted.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { EndReason } from "../../../src/end_reason.ts";
import { BufferPool } from "../../../src/net/buffers.ts";
import { Relay, type Side } from "../../../src/session/relay.ts";
import { settled } from "../fake_clock.ts";
import { MemoryStream } from "./memory_stream.ts";

/** Knows which buffers are out, and minds those that come back twice. */
export class CountingBuffers extends BufferPool {
  readonly out = new Set<Uint8Array>();
  mostBytes = 0;

  override small(): Uint8Array<ArrayBuffer> {
    return this.#given(super.small());
  }

  override medium(): Uint8Array<ArrayBuffer> {
    return this.#given(super.medium());
  }

  override large(): Uint8Array<ArrayBuffer> {
    return this.#given(super.large());
  }

  override release(buffer: Uint8Array<ArrayBuffer>): void {
    assert.ok(this.out.delete(buffer), "a buffer was given back twice");
    super.release(buffer);
  }

  #given(buffer: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    this.out.add(buffer);
    this.mostBytes = Math.max(this.mostBytes, [...this.out].reduce((sum, one) => sum + one.length, 0));
    return buffer;
  }
}

/** A relay under way between two streams of the test. */
export class RelayBench {
  readonly client = new MemoryStream();
  readonly server = new MemoryStream();
  readonly buffers = new CountingBuffers();
  readonly ends: EndReason[] = [];
  readonly bytes: Record<Side, number> = { client: 0, server: 0 };

  constructor() {
    const observer = {
      onBytes: (from: Side, bytes: number) => this.bytes[from] += bytes,
      // a session closes both streams when it ends
      onEnd: (reason: EndReason) => {
        this.ends.push(reason);
        this.client.close();
        this.server.close();
      },
    };
    new Relay(this.client, this.server, { buffers: this.buffers, observer }).start();
  }
}

/** A text as bytes. */
export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Several pieces in one. */
export function joined(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

/** Settles until nothing is written any more: long scripts take more turns than one `settled()` has. */
export async function quiet(bench: RelayBench): Promise<void> {
  for (let before = -1, now = 0; before !== now;) {
    before = now;
    await settled();
    now = bench.client.written.length + bench.server.written.length + bench.ends.length;
  }
}
