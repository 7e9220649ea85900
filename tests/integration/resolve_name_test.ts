/** Looking names up in a real DNS, and as the system does. @module */

import assert from "node:assert/strict";
import { resolveName } from "../../src/net/resolve_name.ts";
import { peerTest } from "../support/peers.ts";
import { freePort } from "../support/ports.ts";
import { startDnsmasq } from "../support/processes.ts";

peerTest("resolveName() asks a real DNS server: both families, aliases, many addresses, none", ["dnsmasq"], async ({
  dnsmasq,
}) => {
  const many = Array.from({ length: 100 }, (_, index) => `127.0.1.${index + 1}`);
  await using server = await startDnsmasq(dnsmasq, {
    "app.test": { addresses: ["127.0.0.2", "::1", "127.0.0.1"], ttl: 7 },
    "four.test": { addresses: ["127.0.0.4"], ttl: 3600 },
    "six.test": { addresses: ["2001:db8::6"] },
    "many.test": { addresses: many },
  });
  const ask = (name: string) => resolveName(name, [`127.0.0.1:${server.port}`]);
  const app = { addresses: ["127.0.0.1", "127.0.0.2", "::1"], ttl: 7, unsure: null };
  assert.deepEqual(await ask("app.test"), app);
  assert.deepEqual(await ask("app.test."), app);
  assert.deepEqual(await ask("APP.Test"), app);
  assert.deepEqual(await ask("four.test"), { addresses: ["127.0.0.4"], ttl: 3600, unsure: null });
  assert.deepEqual(await ask("six.test"), { addresses: ["2001:db8::6"], ttl: 1, unsure: null });
  assert.deepEqual((await ask("many.test")).addresses, many.toSorted());
  await assert.rejects(ask("nobody.test"), { message: "the name is not known (NXDOMAIN)" });
  await assert.rejects(ask("elsewhere.invalid"), { message: `DNS server 127.0.0.1:${server.port}: REFUSED` });
  const dead = `127.0.0.1:${freePort()}`;
  assert.deepEqual(await resolveName("app.test", [dead, `127.0.0.1:${server.port}`]), app);
});

Deno.test("resolveName() without servers goes by the system's hosts file, and knows no time to live", async () => {
  const { addresses, ttl, unsure } = await resolveName("localhost", []);
  assert.ok(addresses.some((address) => ["127.0.0.1", "::1"].includes(address)), addresses.join());
  assert.deepEqual([ttl, unsure], [null, null]);
});
