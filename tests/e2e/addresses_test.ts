/** IPv4, IPv6 and both at once. @module */

import assert from "node:assert/strict";
import { backends, listener } from "../support/configs.ts";
import { ipv6Test } from "../support/ipv6.ts";
import { freePort } from "../support/ports.ts";
import { RunningWeir } from "../support/program.ts";
import { nameServer, readName } from "../support/servers.ts";
import { until } from "../support/wait.ts";

const on = (address: string, port: number) => ({ address, port });

Deno.test("an IPv4 listener on one address or on all serves IPv4 clients", async () => {
  await using server = nameServer("four");
  const [one, all] = [freePort(), freePort("0.0.0.0")];
  await using _running = await RunningWeir.start({
    listeners: [
      listener(one, backends([server.port])),
      listener(all, backends([server.port]), { name: "all", address: "0.0.0.0" }),
    ],
  });
  assert.equal(await readName(one), "four");
  assert.equal(await readName(all), "four");
  await assert.rejects(readName(one, "127.0.0.2"), Deno.errors.ConnectionRefused, "only its own address is taken");
  assert.equal(await readName(all, "127.0.0.2"), "four");
});

ipv6Test("an IPv6 listener serves IPv6 clients from IPv6 servers", async () => {
  await using server = nameServer("six", { hostname: "::1" });
  const port = freePort("::1");
  await using running = await RunningWeir.start({
    listeners: [listener(port, backends([on("::1", server.port)]), { address: "::1" })],
  });
  assert.equal(await readName(port, "::1"), "six");
  assert.equal((await running.listener("web")).servers[0]?.server, `[::1]:${server.port}`);
});

ipv6Test('a listener on "::" keeps the families apart: IPv4 to IPv4 servers, IPv6 to IPv6 servers', async () => {
  await using four = nameServer("4");
  await using six = nameServer("6", { hostname: "::1" });
  const port = freePort("::");
  await using running = await RunningWeir.start({
    listeners: [listener(port, backends([four.port, on("::1", six.port)]), { address: "::" })],
  });
  for (let round = 0; round < 6; round++) {
    assert.equal(await readName(port, "127.0.0.1"), "4");
    assert.equal(await readName(port, "::1"), "6");
  }
  assert.deepEqual((await running.listener("web")).servers.map((server) => server.connectionsTotal), [6, 6]);
});

ipv6Test(
  "a client with servers of the other family only is refused as no_server, unless ipTranslation is on",
  async () => {
    await using four = nameServer("4");
    await using six = nameServer("6", { hostname: "::1" });
    const [plain, translating] = [freePort("::"), freePort("::")];
    await using running = await RunningWeir.start({
      listeners: [
        listener(plain, backends([four.port]), { name: "plain", address: "::" }),
        listener(translating, backends([four.port, on("::1", six.port)]), {
          name: "translating",
          address: "::",
          ipTranslation: true,
        }),
      ],
    });
    assert.equal(await readName(plain, "127.0.0.1"), "4");
    assert.equal(await readName(plain, "::1"), "", "refused");
    await until("it is counted", async () => (await running.listener("plain")).connectionsEnded["no_server"] === 1);
    const names = async (hostname: string) =>
      await readName(translating, hostname) + await readName(translating, hostname);
    assert.deepEqual([await names("127.0.0.1"), await names("::1")], ["46", "46"]);
  },
);
