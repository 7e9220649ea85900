/** CRC-32c equals the published sums, whole and in parts. @module */

import assert from "node:assert/strict";
import { crc32c } from "../../../../src/net/proxy_protocol/crc32c.ts";

const ascending = Uint8Array.from({ length: 32 }, (_, index) => index);
const iscsiRead = "01c000000000000000000000000000001400000000000400000000140000001828000000000000000200000000000000";

const table: readonly [name: string, bytes: Uint8Array, sum: number][] = [
  ["nothing", new Uint8Array(), 0],
  ["32 bytes of zero (RFC 3720, B.4)", new Uint8Array(32), 0x8a9136aa],
  ["32 bytes of 0xff (RFC 3720, B.4)", new Uint8Array(32).fill(0xff), 0x62a8ab43],
  ["32 ascending bytes (RFC 3720, B.4)", ascending, 0x46dd794e],
  ["32 descending bytes (RFC 3720, B.4)", ascending.toReversed(), 0x113fdb5c],
  ["an iSCSI read command (RFC 3720, B.4)", Uint8Array.fromHex(iscsiRead), 0xd9963a56],
  ['"123456789"', new TextEncoder().encode("123456789"), 0xe3069283],
];

for (const [name, bytes, sum] of table) {
  Deno.test(`crc32c() of ${name} is 0x${sum.toString(16)}`, () => {
    assert.equal(crc32c(bytes), sum);
    for (let cut = 0; cut <= bytes.length; cut++) {
      assert.equal(crc32c(bytes.subarray(cut), crc32c(bytes.subarray(0, cut))), sum, `cut at ${cut}`);
    }
  });
}
