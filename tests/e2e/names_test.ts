/** Servers by host name: a real DNS whose answers change, fail and come back. @module */

import assert from "node:assert/strict";
import { backends, listener } from "../support/configs.ts";
import { dnsReply, fakeDns, questionOf } from "../support/dns.ts";
import { assertEchoes, connect } from "../support/echo.ts";
import { HAS_IPV6 } from "../support/ipv6.ts";
import { PEERS_REQUIRED, peerTest } from "../support/peers.ts";
import { freePort } from "../support/ports.ts";
import { type PeerServer, startDnsmasq } from "../support/processes.ts";
import { RunningWeir, weir } from "../support/program.ts";
import { echoServer, nameServer, readName } from "../support/servers.ts";
import { until } from "../support/wait.ts";

/** A dnsmasq on one port for the whole test, started again with every change of its names. */
class ChangingDns implements AsyncDisposable {
  readonly port = freePort();
  readonly #program: string;
  #server: PeerServer | undefined;

  constructor(program: string) {
    this.#program = program;
  }

  /** The `dns` section that asks it. */
  get section() {
    return { servers: [`127.0.0.1:${this.port}`] };
  }

  /** Answers with these addresses from now on. */
  async know(names: Readonly<Record<string, readonly string[]>>): Promise<void> {
    await this.die();
    const entries = Object.entries(names).map(([name, addresses]) => [name, { addresses }] as const);
    this.#server = await startDnsmasq(this.#program, Object.fromEntries(entries), this.port);
  }

  /** Answers nothing any more. */
  async die(): Promise<void> {
    await this.#server?.[Symbol.asyncDispose]();
    this.#server = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.die();
  }
}

/** The addresses that a listener has servers at. */
async function addressesOf(running: RunningWeir, name = "web"): Promise<string> {
  const { servers } = await running.listener(name);
  return servers.map(({ server }) => server.replace(/:\d+$/, "")).join(" ");
}

async function untilAddresses(running: RunningWeir, wanted: string, name = "web"): Promise<void> {
  await until(`${name} has servers at "${wanted}"`, async () => await addressesOf(running, name) === wanted);
}

const app = (port: number) => ({ address: "app.test", port });

peerTest(
  "servers follow the DNS: new connections go where it says now, open ones stay where they are",
  ["dnsmasq"],
  async ({ dnsmasq }) => {
    await using dns = new ChangingDns(dnsmasq);
    await dns.know({ "app.test": ["127.0.0.1"] });
    await using first = echoServer();
    await using second = nameServer("second", { hostname: "127.0.0.2", port: first.port });
    const port = freePort();
    await using running = await RunningWeir.start({
      dns: dns.section,
      listeners: [listener(port, backends([app(first.port)]))],
    });
    assert.equal(await addressesOf(running), "127.0.0.1");
    using held = await connect(port);
    await assertEchoes(held, "before");

    await dns.know({ "app.test": ["127.0.0.2"] });
    await untilAddresses(running, "127.0.0.2");
    assert.equal(await readName(port), "second");
    await assertEchoes(held, "goes on at an address that is not there any more");
    const [server] = (await running.listener("web")).servers;
    assert.deepEqual([server?.configured, server?.connectionsTotal], [`app.test:${first.port}`, 1]);
    await running.untilLogged(/Server name app\.test has other addresses: 127\.0\.0\.2/);

    await dns.know({ "app.test": ["127.0.0.2", "127.0.0.1"] });
    await untilAddresses(running, "127.0.0.1 127.0.0.2");
    await assertEchoes(held, "and when it is back");
    assert.equal(second.accepted, 1);
    const { status, body } = await running.reload();
    assert.deepEqual([status, (body as { changes: unknown }).changes], [200, []], "a reload finds nothing new");
  },
);

peerTest(
  "a name that the DNS does not know at the start is served as soon as it does",
  ["dnsmasq"],
  async ({ dnsmasq }) => {
    await using dns = new ChangingDns(dnsmasq);
    await dns.know({});
    await using server = nameServer("found");
    const port = freePort();
    await using running = await RunningWeir.start({
      dns: dns.section,
      listeners: [listener(port, backends([app(server.port)]))],
    });
    assert.equal(await readName(port), "", "refused");
    await until("it is counted", async () => (await running.listener("web")).connectionsEnded["no_server"] === 1);
    const { names: [name] } = await running.listener("web");
    assert.deepEqual([name?.name, name?.addresses], ["app.test", []]);
    assert.match(name?.error ?? "", /NXDOMAIN/);
    const metrics = await running.admin("/metrics");
    assert.match(String(metrics.body), /^weir_name_resolved{name="app\.test"} 0$/m);
    const status = await weir(["status", "--admin", `http://127.0.0.1:${running.adminPort}`]);
    assert.match(status.stdout, /Server name app\.test cannot be resolved: .*NXDOMAIN/);

    await dns.know({ "app.test": ["127.0.0.1"] });
    await untilAddresses(running, "127.0.0.1");
    assert.equal(await readName(port), "found");
    await running.untilLogged(/Server name app\.test can be resolved again/);
  },
);

peerTest("with the DNS dead, or the name gone from it, the last answer holds", ["dnsmasq"], async ({ dnsmasq }) => {
  await using dns = new ChangingDns(dnsmasq);
  await dns.know({ "app.test": ["127.0.0.1"] });
  await using server = nameServer("still here");
  const port = freePort();
  const config = { dns: dns.section, listeners: [listener(port, backends([app(server.port)]))] };
  await using running = await RunningWeir.start(config);
  const failure = async () => (await running.listener("web")).names[0]?.error ?? "";

  await dns.die();
  await until("look-ups fail", async () => /no answer|refused/i.test(await failure()));
  assert.equal(await readName(port), "still here");
  assert.equal((await running.reload(config)).status, 200, "nor does a reload need the DNS for a name it knows");
  assert.equal(await readName(port), "still here");
  assert.equal((await running.admin("/readyz")).status, 200);

  await dns.know({});
  await until("the name is not known", async () => /NXDOMAIN/.test(await failure()));
  assert.equal(await readName(port), "still here");
  await running.untilLogged("cannot be resolved");
  const warnings = running.log.split("\n").filter((line) => line.includes("cannot be resolved"));
  assert.equal(warnings.length, 1, warnings.join("\n"));

  await dns.know({ "app.test": ["127.0.0.1"] });
  await until("look-ups succeed", async () => await failure() === "");
  assert.equal(await readName(port), "still here");
});

if (HAS_IPV6 || PEERS_REQUIRED) {
  peerTest(
    "of a name with addresses of both families each listener takes those that its clients can reach",
    ["dnsmasq"],
    async ({ dnsmasq }) => {
      await using dns = new ChangingDns(dnsmasq);
      await dns.know({ "app.test": ["127.0.0.1", "::1"] });
      await using four = nameServer("4");
      await using six = nameServer("6", { hostname: "::1", port: four.port });
      const on = (name: string, address: string, settings = {}) => {
        const port = freePort(address);
        return { port, config: listener(port, backends([app(four.port)]), { name, address, ...settings }) };
      };
      const plain = on("plain", "0.0.0.0");
      const v6 = on("v6", "::1");
      const both = on("both", "::");
      const any = on("any", "127.0.0.1", { ipTranslation: true });
      await using running = await RunningWeir.start({
        dns: dns.section,
        listeners: [plain, v6, both, any].map(({ config }) => config),
      });
      const seen = () => Promise.all(["plain", "v6", "both", "any"].map((name) => addressesOf(running, name)));
      assert.deepEqual(await seen(), ["127.0.0.1", "[::1]", "127.0.0.1 [::1]", "127.0.0.1 [::1]"]);
      for (let round = 0; round < 3; round++) {
        assert.equal(await readName(plain.port), "4");
        assert.equal(await readName(v6.port, "::1"), "6");
        assert.equal(await readName(both.port), "4");
        assert.equal(await readName(both.port, "::1"), "6");
      }
      assert.equal(await readName(any.port) + await readName(any.port), "46");
      assert.equal(six.accepted, 7);

      await dns.know({ "app.test": ["::1"] });
      const untilSeen = (...wanted: readonly string[]) =>
        until(`the listeners have servers at ${wanted.join()}`, async () => (await seen()).join() === wanted.join());
      await untilSeen("", "[::1]", "[::1]", "[::1]");
      assert.equal(await readName(any.port), "6");
      assert.equal(await readName(v6.port, "::1"), "6");
      assert.equal(await readName(plain.port), "", "no address of its family is left");

      await dns.know({ "app.test": ["127.0.0.1"] });
      await untilSeen("127.0.0.1", "", "127.0.0.1", "127.0.0.1");
      assert.equal(await readName(plain.port), "4");
    },
  );
}

peerTest(
  "one name in several groups is drained where it was drained, at every address it has and gets",
  ["dnsmasq"],
  async ({ dnsmasq }) => {
    await using dns = new ChangingDns(dnsmasq);
    await dns.know({ "app.test": ["127.0.0.1"] });
    await using spare = nameServer("spare");
    await using one = nameServer("one");
    await using _two = nameServer("two", { hostname: "127.0.0.2", port: one.port });
    const [first, second] = [freePort(), freePort()];
    const config = {
      dns: dns.section,
      listeners: [
        listener(first, backends([app(one.port), { port: spare.port, backup: true }]), { name: "first" }),
        listener(second, backends([app(one.port)]), { name: "second" }),
      ],
    };
    await using running = await RunningWeir.start(config);
    const args = ["first", `APP.test:${one.port}`, "--admin", `http://127.0.0.1:${running.adminPort}`];
    assert.equal((await weir(["drain", ...args])).code, 0);
    assert.deepEqual([await readName(first), await readName(second)], ["spare", "one"]);

    await dns.know({ "app.test": ["127.0.0.2"] });
    await untilAddresses(running, "127.0.0.2", "second");
    assert.deepEqual([await readName(first), await readName(second)], ["spare", "two"]);
    assert.equal((await running.reload(config)).status, 200);
    assert.deepEqual([await readName(first), await readName(second)], ["spare", "two"]);

    const address = ["first", `127.0.0.2:${one.port}`, "--resume", ...args.slice(2)];
    const refused = await weir(["drain", ...address]);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /still drained, as one of app\.test:\d+ \(resume that\)/);
    assert.equal((await weir(["drain", ...args, "--resume"])).code, 0);
    assert.deepEqual([await readName(first), await readName(second)], ["two", "two"]);
  },
);

peerTest("a reload can change the DNS servers, and every name is asked for anew", ["dnsmasq"], async ({ dnsmasq }) => {
  await using dns = new ChangingDns(dnsmasq);
  await dns.know({ "app.test": ["127.0.0.1"] });
  await using one = nameServer("one");
  await using _two = nameServer("two", { hostname: "127.0.0.2", port: one.port });
  const port = freePort();
  const config = (section: Record<string, unknown>) => ({
    dns: section,
    listeners: [listener(port, backends([app(one.port)]))],
  });
  await using running = await RunningWeir.start(config(dns.section));
  assert.equal(await readName(port), "one");
  await using other = fakeDns((query) => [
    dnsReply(query, { records: [{ type: "A", ttl: 3600, data: "127.0.0.2" }] }),
  ]);
  const { status, body } = await running.reload(config({ servers: [other.at] }));
  assert.deepEqual([status, (body as { general: unknown }).general], [200, ["dnsServers"]]);
  assert.equal(await readName(port), "two");
});

Deno.test("weir check asks no DNS", async () => {
  await using dns = fakeDns(() => []);
  const folder = await Deno.makeTempDir({ prefix: "weir-test-" });
  await using _folder = { [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }) };
  const config = { dns: { servers: [dns.at] }, listeners: [listener(8000, backends([app(80)]))] };
  await Deno.writeTextFile(`${folder}/weir.json`, JSON.stringify(config));
  const { code, stderr } = await weir(["check", "-c", `${folder}/weir.json`]);
  assert.deepEqual([code, stderr, dns.asked], [0, "", []]);
});

Deno.test("a DNS that does not answer holds up neither the start for long nor the stop", async () => {
  const asked = new Set<string>();
  await using dns = fakeDns((query) => {
    asked.add(questionOf(query).name);
    return [];
  });
  await using server = nameServer("by address");
  const port = freePort();
  const listeners = [listener(port, backends([server.port, app(server.port)]))];
  await using running = await RunningWeir.start({ dns: { servers: [dns.at] }, listeners });
  assert.equal(await readName(port), "by address");
  await running.untilLogged(/Server name app\.test cannot be resolved: .*no answer.*; no connection goes to it/);

  const another = listener(port, backends([server.port, { address: "another.test", port: 80 }]));
  await running.write({ dns: { servers: [dns.at] }, listeners: [another] });
  running.signal("SIGHUP");
  await until("the new name is being looked up", () => asked.has("another.test"));
  running.signal("SIGTERM");
  assert.equal(await running.ended(), 0);
  assert.doesNotMatch(running.log, /another\.test/, "nobody waited for it");
});
