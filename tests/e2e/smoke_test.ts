/** The program starts, balances, shows itself and stops. @module */

import assert from "node:assert/strict";
import { freePort } from "../support/ports.ts";
import { RunningWeir, weir } from "../support/program.ts";
import { nameServer, readName } from "../support/servers.ts";

Deno.test("a TCP listener balances by weight, in the order of smooth weighted round robin", async () => {
  await using a = nameServer("a");
  await using b = nameServer("b");
  await using c = nameServer("c");
  const port = freePort();
  const servers = [[a, 5], [b, 1], [c, 1]].map(([server, weight]) => ({
    address: "127.0.0.1",
    port: (server as { port: number }).port,
    weight,
  }));
  await using running = await RunningWeir.start({
    listeners: [{
      name: "web",
      protocol: "TCP",
      address: "127.0.0.1",
      port,
      backends: { servers, healthCheck: { enabled: false } },
    }],
  });
  let order = "";
  for (let index = 0; index < 14; index++) order += await readName(port);
  assert.equal(order, "aabacaaaabacaa");
  running.signal("SIGTERM");
  assert.equal(await running.ended(), 0);
});

Deno.test("weir version prints the version and exits 0", async () => {
  const { code, stdout } = await weir(["version"]);
  assert.equal(code, 0);
  assert.match(stdout, /^weir \d+\.\d+\.\d+ /);
});
