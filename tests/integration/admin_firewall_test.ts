/** What docs/security.md says to give the firewall before an admin port that a network can reach. @module */

import assert from "node:assert/strict";
import { shown } from "../support/documentation.ts";
import { findProgram, run } from "../support/peers.ts";

/** Connections that an address may have by those rules. */
const MOST = 32;

/** Connects more often than that, keeps all of them, and prints how many there are. */
const CLIENT = `
const listener = Deno.listen({ hostname: "127.0.0.1", port: 9900 });
(async () => { for await (const _ of listener); })();
const connect = () => Deno.connect({ hostname: "127.0.0.1", port: 9900 });
const made = await Promise.allSettled(Array.from({ length: ${2 * MOST} }, connect));
console.log(made.filter(({ status }) => status === "fulfilled").length);
Deno.exit();`;

const canRun = Deno.build.os === "linux" && Deno.uid() === 0 &&
  ["unshare", "ip", "nft"].every((name) => findProgram(name) !== undefined);

Deno.test({
  name: "docs/security.md: the firewall holds each address to as many connections as it says",
  ignore: !canRun,
  fn: async () => {
    const rules = await Deno.makeTempFile({ suffix: ".nft" });
    try {
      await Deno.writeTextFile(rules, shown("docs/security.md", "table inet weir"));
      const script = 'ip link set lo up && nft -f "$0" && exec "$@"';
      const client = [Deno.execPath(), "eval", CLIENT];
      const { code, stdout, stderr } = await run("unshare", ["-n", "sh", "-c", script, rules, ...client]);
      assert.equal(code, 0, stderr);
      assert.equal(Number(stdout), MOST);
    } finally {
      await Deno.remove(rules);
    }
  },
});
