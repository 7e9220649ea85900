/** Whether the kernel hands clients on, found out by trying. @module */

import assert from "node:assert/strict";
import { clientsMigrate } from "../../../src/net/migration.ts";

const setting = await Deno.readTextFile("/proc/sys/net/ipv4/tcp_migrate_req").catch(() => "0");

Deno.test(`clientsMigrate() finds out what the kernel is set to, here ${setting.trim()}`, async () => {
  for (let time = 0; time < 5; time++) assert.equal(await clientsMigrate(), setting.trim() === "1");
});
