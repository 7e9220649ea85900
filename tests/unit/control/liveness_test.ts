/** When a worker counts as hung. @module */

import assert from "node:assert/strict";
import { BUSY_HANG_MS, HANG_MS, Liveness } from "../../../src/control/liveness.ts";
import { HEARTBEAT_MS } from "../../../src/messages.ts";

/** A machine that has time. */
const share = () => 1;

/** Looks at a worker that is silent from the start until it counts as hung. @returns milliseconds */
function silenceBorne(delays: readonly number[], isBusy = false): number {
  const liveness = new Liveness(0);
  let now = 0;
  let beat = 0;
  for (const delay of delays) {
    now += HEARTBEAT_MS + delay;
    assert.equal(liveness.look({ now, beat: ++beat, isBusy, share }), undefined);
  }
  const silentFrom = now;
  for (;;) {
    now += HEARTBEAT_MS;
    if (liveness.look({ now, beat, isBusy, share }) !== undefined) return now - silentFrom;
    assert.ok(now - silentFrom < 100_000, "it lives for ever");
  }
}

Deno.test("Liveness.look() bears a silence of 0.7 s on a machine that has time", () => {
  assert.equal(silenceBorne([0, 3, 0, 5, 0]), HANG_MS + HEARTBEAT_MS);
});

Deno.test("Liveness.look() bears ten seconds of a worker that is busy", () => {
  assert.equal(silenceBorne([0], true), BUSY_HANG_MS + HEARTBEAT_MS);
});

Deno.test("Liveness.look() bears more on a machine that makes this thread wait as well, and forgets it", () => {
  const waits = [0, 50, 100, 200, 300].map((delay) => silenceBorne([0, delay]));
  assert.deepEqual(waits, [...waits].sort((a, b) => a - b));
  assert.ok((waits[4] ?? 0) >= 1500 && (waits[4] ?? 0) <= 3100, `${waits}`);
  assert.equal(silenceBorne([300, ...Array.from({ length: 300 }, () => 0)]), HANG_MS + HEARTBEAT_MS);
});

Deno.test("Liveness.look() bears more of a worker whose heartbeats have come late before", () => {
  const borne = (gap: number) => {
    const liveness = new Liveness(0);
    let now = 0;
    for (let beat = 1; beat <= 5; beat++) {
      for (let passed = 0; passed < gap; passed += HEARTBEAT_MS) {
        now += HEARTBEAT_MS;
        assert.equal(
          liveness.look({ now, beat: beat - 1 + Number(passed + HEARTBEAT_MS >= gap), isBusy: false, share }),
          undefined,
        );
      }
    }
    const silentFrom = now;
    do now += HEARTBEAT_MS; while (liveness.look({ now, beat: 5, isBusy: false, share }) === undefined);
    return now - silentFrom;
  };
  assert.deepEqual([borne(100), borne(200)], [HANG_MS + HEARTBEAT_MS, HANG_MS + HEARTBEAT_MS]);
  assert.ok(borne(400) >= 1800 && borne(600) >= 3200, `${borne(400)}, ${borne(600)}`);
});

Deno.test("Liveness.look() bears more when this program gets little of the processors, and asks for that only at the end", () => {
  const borne = (had: number) => {
    const liveness = new Liveness(0);
    let asked = 0;
    for (let now = HEARTBEAT_MS;; now += HEARTBEAT_MS) {
      const share = () => {
        asked++;
        return had;
      };
      if (liveness.look({ now, beat: 0, isBusy: false, share }) === undefined) continue;
      assert.ok(asked <= 12, `asked ${asked} times`);
      return now;
    }
  };
  assert.equal(borne(1), HANG_MS + HEARTBEAT_MS);
  assert.equal(borne(0.8), HANG_MS + HEARTBEAT_MS);
  assert.ok(borne(0.5) >= 3000 && borne(0.1) >= 6000 && borne(0) <= BUSY_HANG_MS, `${borne(0.5)}, ${borne(0.1)}`);
});

Deno.test("Liveness.look() forgets that a worker was silent when it goes on in time", () => {
  const liveness = new Liveness(0);
  const busy = () => 0.3;
  for (let now = 100; now <= 2000; now += 100) {
    assert.equal(liveness.look({ now, beat: 0, isBusy: false, share: busy }), undefined);
  }
  for (let now = 2100, beat = 1; now <= 200_000; now += 100) {
    assert.equal(liveness.look({ now, beat: beat++, isBusy: false, share }), undefined);
  }
});

Deno.test("Liveness.look() says how long the silence was", () => {
  const liveness = new Liveness(0);
  liveness.look({ now: 100, beat: 1, isBusy: false, share });
  let silence: number | undefined;
  for (let now = 200; silence === undefined; now += 100) {
    silence = liveness.look({ now, beat: 1, isBusy: false, share });
  }
  assert.equal(silence, 800);
});

Deno.test("Liveness.look() begins anew when this thread itself stood still", () => {
  const liveness = new Liveness(0);
  for (let now = 1000; now < 1_000_000; now += 1000) {
    assert.equal(liveness.look({ now, beat: 0, isBusy: false, share }), undefined);
  }
});
