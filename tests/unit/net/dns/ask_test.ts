/** Asking DNS servers that fail in every way, over real sockets on loopback. @module */

import assert from "node:assert/strict";
import { askForAddresses, type AskOptions } from "../../../../src/net/dns/ask.ts";
import { resolveName } from "../../../../src/net/resolve_name.ts";
import { type DnsHandler, dnsReply, fakeDns, questionOf, type TestRecord } from "../../../support/dns.ts";
import { freePort } from "../../../support/ports.ts";

const A: readonly TestRecord[] = [{ type: "A", ttl: 7, data: "10.0.0.1" }];
const good: DnsHandler = (query) => [dnsReply(query, { records: A })];
const silent: DnsHandler = () => [];
const failing = (code: number): DnsHandler => (query) => [dnsReply(query, { code })];

/** For tests that wait until there is no answer. */
const HURRY = { seconds: 0.2 };

const ask = (servers: readonly { readonly at: string }[], options?: AskOptions) =>
  askForAddresses(servers.map(({ at }) => at), "app.internal", "A", options);

const addressesFrom = async (...servers: readonly { readonly at: string }[]) => (await ask(servers)).addresses;

for (const [title, handler] of [["silent", silent], ["SERVFAIL", failing(2)], ["REFUSED", failing(5)]] as const) {
  Deno.test(`askForAddresses() asks the next server when one is: ${title}`, async () => {
    await using first = fakeDns(handler);
    await using second = fakeDns(good);
    assert.deepEqual(await addressesFrom(first, second), ["10.0.0.1"]);
    assert.deepEqual([first.asked, second.asked], [["udp"], ["udp"]]);
  });
}

Deno.test("askForAddresses() believes the first server that there is no such name, or no address", async () => {
  await using unknown = fakeDns(failing(3));
  await using empty = fakeDns(failing(0));
  await using other = fakeDns(good);
  assert.deepEqual(await addressesFrom(unknown, other), []);
  assert.deepEqual(await addressesFrom(empty, other), []);
  assert.deepEqual(other.asked, []);
});

Deno.test("askForAddresses() asks every server twice before it gives up, and says why", async () => {
  await using first = fakeDns(failing(5));
  await using second = fakeDns(failing(2));
  await assert.rejects(addressesFrom(first, second), { message: `DNS server ${second.at}: SERVFAIL` });
  assert.deepEqual([first.asked.length, second.asked.length], [2, 2]);
  await using third = fakeDns(silent);
  await assert.rejects(ask([third], HURRY), { message: `DNS server ${third.at}: no answer within 0.2 s` });
  assert.equal(third.asked.length, 2, "a datagram may get lost");
});

Deno.test("askForAddresses() fails when there is nobody at the server's address", async () => {
  await assert.rejects(ask([{ at: `127.0.0.1:${freePort()}` }], HURRY), /^Error: DNS server 127\.0\.0\.1:\d+: /);
});

Deno.test("askForAddresses() asks over TCP when the answer is too long for a datagram", async () => {
  const many = Array.from({ length: 250 }, (_, index): TestRecord => ({ type: "A", data: `10.0.1.${index}` }));
  await using server = fakeDns((query, over) => [
    over === "udp" ? dnsReply(query, { truncated: true }) : dnsReply(query, { records: many }),
  ]);
  assert.equal((await addressesFrom(server)).length, 250);
  assert.deepEqual(server.asked, ["udp", "tcp"]);
});

Deno.test("askForAddresses() asks the next server when TCP fails: hung up, garbage, or truncated again", async () => {
  const overTcp: readonly DnsHandler[] = [
    () => [],
    () => [new Uint8Array(40)],
    (query) => [dnsReply(query, { truncated: true })],
  ];
  for (const handler of overTcp) {
    await using broken = fakeDns((query, over) =>
      over === "udp" ? [dnsReply(query, { truncated: true })] : handler(query, over)
    );
    await using other = fakeDns(good);
    assert.deepEqual(await addressesFrom(broken, other), ["10.0.0.1"]);
    assert.deepEqual(broken.asked, ["udp", "tcp"]);
  }
});

Deno.test("askForAddresses() waits for the real answer when others come first", async () => {
  await using server = fakeDns((query) => {
    const forged = dnsReply(query, { records: [{ type: "A", data: "10.6.6.6" }] });
    const otherId = forged.map((byte, index) => index === 1 ? byte ^ 1 : byte);
    const otherName = forged.map((byte, index) => index === 14 ? byte ^ 1 : byte);
    return [Uint8Array.of(1, 2, 3), otherId, otherName, query.slice(), dnsReply(query, { records: A })];
  });
  assert.deepEqual(await addressesFrom(server), ["10.0.0.1"]);
});

Deno.test("askForAddresses() uses an id that nobody can guess", async () => {
  const ids = new Set<number>();
  await using server = fakeDns((query) => {
    ids.add((query[0] ?? 0) * 256 + (query[1] ?? 0));
    return good(query, "udp");
  });
  for (let round = 0; round < 20; round++) await addressesFrom(server);
  assert.ok(ids.size > 15, `${ids.size} ids in 20 questions`);
});

Deno.test("resolveName() puts both families together: sorted, each address once, with the shortest time", async () => {
  await using server = fakeDns((query) => [
    dnsReply(query, {
      records: questionOf(query).type === 1
        ? [
          { type: "A", ttl: 9, data: "10.0.0.2" },
          { type: "A", ttl: 9, data: "10.0.0.1" },
          { type: "A", ttl: 9, data: "10.0.0.2" },
        ]
        : [{ type: "AAAA", ttl: 5, data: "2001:db8:0:0:0:0:0:1" }],
    }),
  ]);
  assert.deepEqual(await resolveName("app.internal", [server.at]), {
    addresses: ["10.0.0.1", "10.0.0.2", "2001:db8::1"],
    ttl: 5,
    unsure: null,
  });
});

Deno.test("resolveName() says which family's question failed", async () => {
  for (const [works, unsure] of [[1, "IPv6"], [28, "IPv4"]] as const) {
    await using server = fakeDns((query) => {
      const { type } = questionOf(query);
      const record: TestRecord = type === 1
        ? { type: "A", data: "10.0.0.1" }
        : { type: "AAAA", data: "2001:db8:0:0:0:0:0:1" };
      return [type === works ? dnsReply(query, { records: [record] }) : dnsReply(query, { code: 2 })];
    });
    const answer = await resolveName("app.internal", [server.at]);
    assert.deepEqual([answer.addresses.length, answer.unsure], [1, unsure]);
  }
});

Deno.test("resolveName() fails when one family has no address and the other's question failed", async () => {
  await using server = fakeDns((query) => [dnsReply(query, { code: questionOf(query).type === 1 ? 2 : 0 })]);
  await assert.rejects(resolveName("app.internal", [server.at]), {
    message: `DNS server ${server.at}: SERVFAIL`,
  });
});
