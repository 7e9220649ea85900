/** Listeners with many ports: which port of a server a client reaches, and ranges that change under traffic. @module */

import assert from "node:assert/strict";
import { CERTIFICATE_STORE, certificateFiles, connectTls, overTls, testCertificate } from "../support/certificates.ts";
import type { Settings } from "../support/configs.ts";
import { assertEchoes, assertRefused, connect } from "../support/echo.ts";
import { run } from "../support/peers.ts";
import { freePortsInARow } from "../support/ports.ts";
import { RunningWeir, weir, weirCommandLine } from "../support/program.ts";
import { echoServer, nameServer, readAll, readName, type TestServer } from "../support/servers.ts";
import { until } from "../support/wait.ts";

const certificate = await testCertificate();
const files = certificateFiles(certificate);

const hasIpv6 = (() => {
  try {
    Deno.listen({ hostname: "::1", port: 0 }).close();
    return true;
  } catch {
    return false;
  }
})();
if (!hasIpv6 && Deno.env.get("WEIR_REQUIRE_PEERS") === "1") throw new Error("This machine has no IPv6 loopback");

/** A listener called `web` with several ports. */
function range(ports: string, servers: readonly Settings[], settings: Settings = {}): Settings {
  const backends = { healthCheck: { enabled: false }, servers };
  return { name: "web", protocol: "TCP", address: "127.0.0.1", ports, backends, ...settings };
}

/** Servers that say on which port they were reached. */
function portServers(hostname: string, ports: readonly number[]): TestServer[] & AsyncDisposable {
  const servers = ports.map((port) => nameServer(String(port), { hostname, port }));
  return Object.assign(servers, {
    [Symbol.asyncDispose]: async () => {
      await Promise.all(servers.map((server) => server[Symbol.asyncDispose]()));
    },
  });
}

async function readOverTls(port: number, hostname: string): Promise<string> {
  using connection = await Deno.connectTls({ hostname, port, caCerts: [certificate.certPem], ...NO_NAME_CHECK });
  return new TextDecoder().decode(await readAll(connection));
}

// The certificate names IPv4 loopback only. Unstable, so missing from the published types.
const NO_NAME_CHECK: object = { unsafelyDisableHostnameVerification: true };

for (const protocol of ["TCP", "TCP_SSL"]) {
  for (const family of ["IPv4", "IPv6"]) {
    const [here, there] = family === "IPv4" ? ["127.0.0.1", "127.0.0.2"] : ["::1", "127.0.0.1"];
    const settings = {
      address: here,
      ...(family === "IPv6" ? { ipTranslation: true } : {}),
      ...(protocol === "TCP" ? {} : overTls()),
    };
    const read = protocol === "TCP" ? readName : readOverTls;
    const ignore = family === "IPv6" && !hasIpv6;

    Deno.test({
      name: `a connection to port P of a range goes to port P of the server (${protocol}, ${family})`,
      ignore,
      fn: async () => {
        const first = freePortsInARow(8, [here, there]);
        const ports = [first, first + 1, first + 2, first + 7];
        await using _servers = portServers(there, ports);
        await using running = await RunningWeir.start({
          certificates: CERTIFICATE_STORE,
          listeners: [range(`${first}-${first + 2},${first + 7}`, [{ address: there }], settings)],
        }, { files });
        for (const port of ports) assert.equal(await read(port, here), String(port));
        await assert.rejects(Deno.connect({ hostname: here, port: first + 3 }), Deno.errors.ConnectionRefused);
        const { body } = await running.admin("/v1/listeners/web");
        const { port, ports: text, servers } = body as {
          port: unknown;
          ports: unknown;
          servers: { server: string; port: unknown; ports: unknown; connectionsTotal: number }[];
        };
        assert.deepEqual([port, text], [null, `${first}-${first + 2},${first + 7}`]);
        const [server] = servers;
        assert.deepEqual([server?.server, server?.port, server?.ports], [there, null, null]);
        assert.equal(server?.connectionsTotal, ports.length, "one server for all ports");
        const where = `${here.includes(":") ? `[${here}]` : here}:${text}`;
        await running.untilLogged(`accepts ${protocol} on ${where}`);
        const status = await weir(["status", "--admin", `http://127.0.0.1:${running.adminPort}`]);
        assert.ok(status.stdout.includes(where), status.stdout);
      },
    });

    Deno.test({
      name: `a server's own range gets the ports of the listener by their places (${protocol}, ${family})`,
      ignore,
      fn: async () => {
        const there = here;
        const first = freePortsInARow(10, [here]);
        const own = [first + 9, first + 5, first + 6, first + 7];
        await using _servers = portServers(there, own);
        await using running = await RunningWeir.start({
          certificates: CERTIFICATE_STORE,
          listeners: [range(
            `${first + 2}-${first + 3},${first}-${first + 1}`,
            [{ address: there, ports: `${first + 9},${first + 5}-${first + 7}` }],
            settings,
          )],
        }, { files });
        const reached = await Promise.all([2, 3, 0, 1].map((place) => read(first + place, here)));
        assert.deepEqual(reached, own.map(String));
        const { servers } = await running.listener("web");
        const key = `${there.includes(":") ? `[${there}]` : there}:${first + 9}+`;
        assert.deepEqual(servers.map(({ server, connectionsTotal }) => [server, connectionsTotal]), [[key, 4]]);
        const { body } = await running.admin("/v1/listeners/web");
        const [shown] = (body as { servers: { port: unknown; ports: unknown }[] }).servers;
        assert.deepEqual([shown?.port, shown?.ports], [null, `${first + 9},${first + 5}-${first + 7}`]);
      },
    });
  }
}

Deno.test("a PROXY protocol header says who the client is, not which port of the server it gets", async () => {
  const first = freePortsInARow(3, ["127.0.0.1", "127.0.0.2"]);
  await using _servers = portServers("127.0.0.2", [first, first + 1, first + 2]);
  await using _running = await RunningWeir.start({
    ipGroups: { lb: ["127.0.0.0/8"] },
    listeners: [range(`${first}-${first + 2}`, [{ address: "127.0.0.2" }], { acceptProxyProtocol: { from: ["lb"] } })],
  });
  using connection = await connect(first + 1);
  const header = `PROXY TCP4 203.0.113.7 198.51.100.2 4711 ${first + 2}\r\n`;
  await connection.write(new TextEncoder().encode(header));
  assert.equal(new TextDecoder().decode(await readAll(connection)), String(first + 1));
});

Deno.test("a server of a range is probed on the first of its ports, or on healthCheck.port", async () => {
  const first = freePortsInARow(6, ["127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4"]);
  await using _same = portServers("127.0.0.2", [first]);
  await using _mapped = portServers("127.0.0.3", [first + 4]);
  await using _other = portServers("127.0.0.4", [first + 5]);
  const group = (port?: number) => ({
    healthCheck: { interval: 5, unhealthyThreshold: 2, ...(port === undefined ? {} : { port }) },
    servers: [{ address: "127.0.0.2" }, { address: "127.0.0.3", ports: `${first + 4}-${first + 5}` }, {
      address: "127.0.0.4",
    }],
  });
  const ports = `${first}-${first + 1}`;
  await using running = await RunningWeir.start({ listeners: [range(ports, [], { backends: group() })] });
  const probes = async () => (await running.listener("web")).servers.map(({ lastProbe }) => lastProbe?.ok);
  await until("all were probed", async () => (await probes()).every((ok) => ok !== undefined));
  assert.deepEqual(await probes(), [true, true, false]);
  const { servers } = await running.listener("web");
  assert.match(servers[2]?.lastProbe?.error ?? "", new RegExp(`127\\.0\\.0\\.4:${first} refused`));
  assert.equal((await running.reload({ listeners: [range(ports, [], { backends: group(first + 5) })] })).status, 200);
  await until("the other port counts", async () => {
    const [same, mapped, other] = await probes();
    return same === false && mapped === false && other === true;
  });
});

/** Connects to a port again and again until it is told to stop, or a connection fails. */
class Traffic {
  /** How many connections have got their answer. */
  answers = 0;
  #stopped = false;
  /** The first failure. */
  failure: unknown;
  readonly #work: Promise<void>;

  constructor(open: () => Promise<Deno.Conn>) {
    this.#work = this.#run(open).catch((error) => {
      this.failure = error;
    });
  }

  async #run(open: () => Promise<Deno.Conn>): Promise<void> {
    while (!this.#stopped) {
      using connection = await open();
      await assertEchoes(connection, "again");
      this.answers++;
    }
  }

  /** Ends it. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    await this.#work;
  }
}

const open = (protocol: string, port: number): Promise<Deno.Conn> =>
  protocol === "TCP" ? connect(port) : connectTls(port, certificate);

for (const protocol of ["TCP", "TCP_SSL"]) {
  Deno.test(`a ${protocol} range grows and shrinks by reload; ports that stay refuse nobody and keep connections`, async () => {
    const first = freePortsInARow(10, ["127.0.0.1", "127.0.0.2"]);
    const echoes = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map((place) =>
      echoServer({ hostname: "127.0.0.2", port: first + place })
    );
    await using cleanup = new AsyncDisposableStack();
    for (const echo of echoes) cleanup.use(echo);
    const config = (ports: string) => ({
      certificates: CERTIFICATE_STORE,
      shutdown: { drainTimeout: 0 },
      listeners: [range(ports, [{ address: "127.0.0.2" }], protocol === "TCP" ? {} : overTls())],
    });
    await using running = await RunningWeir.start(config(`${first}-${first + 5}`), { files });
    using staying = await open(protocol, first + 5);
    using going = await open(protocol, first);
    await assertEchoes(staying, "stays");
    await assertEchoes(going, "goes");
    await using traffic = new Traffic(() => open(protocol, first + 5));
    for (let round = 0; round < 5; round++) {
      for (
        const ports of [`${first}-${first + 9}`, `${first + 4}-${first + 7}`, `${first + 5}`, `${first}-${first + 5}`]
      ) {
        const { status, body } = await running.reload(config(ports));
        assert.equal(status, 200, JSON.stringify(body));
        const [change] = (body as { changes: { action: string; settings: string[] }[] }).changes;
        assert.deepEqual([change?.action, change?.settings], ["update", ["ports"]]);
        const before = traffic.answers;
        await until("clients are served", () => traffic.answers > before || traffic.failure !== undefined);
        assert.equal(traffic.failure, undefined, `after the reload to ${ports}`);
        if (ports.endsWith(`-${first + 9}`)) {
          using added = await open(protocol, first + 9);
          await assertEchoes(added, "a port that was added");
        }
        if (ports === `${first + 5}`) await assertRefused(first + 4, "a port that was taken away");
      }
    }
    await assertEchoes(staying, "still stays");
    await assertEchoes(going, "a connection of a port that went stays as well");
  });
}

Deno.test("a port of a range that is in use fails the start as a whole, and names the port", async () => {
  const first = freePortsInARow(10);
  await using _squatter = nameServer("squatter", { port: first + 6 });
  for (const settings of [{}, overTls()]) {
    const folder = await Deno.makeTempDir({ prefix: "weir-test-" });
    try {
      const config = {
        admin: { listen: "off" },
        certificates: CERTIFICATE_STORE,
        listeners: [range(`${first}-${first + 9}`, [{ address: "127.0.0.2" }], settings)],
      };
      for (const [name, content] of Object.entries({ ...files, "weir.yaml": JSON.stringify(config) })) {
        await Deno.writeTextFile(`${folder}/${name}`, content);
      }
      const { code, stderr } = await weir(["run", "-c", `${folder}/weir.yaml`]);
      assert.equal(code, 1);
      const problem = `Cannot listen on 127.0.0.1:${first + 6}: the port is in use by another program; `;
      assert.ok(stderr.startsWith(`weir: Listener "web": ${problem}`), stderr);
      assert.equal(stderr.trimEnd().split("\n").length, 1, stderr);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  }
});

Deno.test("a port of a range that is in use refuses the reload as a whole, and names the port", async () => {
  const first = freePortsInARow(10, ["127.0.0.1", "127.0.0.2"]);
  await using _servers = portServers("127.0.0.2", [first, first + 1, first + 2]);
  await using squatter = nameServer("squatter", { port: first + 6 });
  for (const settings of [{}, overTls()]) {
    const config = (last: number, tags: Settings) => ({
      certificates: CERTIFICATE_STORE,
      listeners: [range(`${first}-${first + last}`, [{ address: "127.0.0.2" }], { ...settings, tags })],
    });
    await using running = await RunningWeir.start(config(2, {}), { files });
    const { status, body } = await running.reload(config(9, { new: "yes" }));
    assert.equal(status, 422);
    const { detail } = body as { detail: string };
    assert.ok(detail.includes(`Listener "web": Cannot listen on 127.0.0.1:${first + 6}: the port is in use`), detail);
    for (const place of [3, 4, 5, 7, 8, 9]) await assertRefused(first + place);
    const read = "tls" in settings ? readOverTls : readName;
    for (const place of [0, 1, 2]) assert.equal(await read(first + place, "127.0.0.1"), String(first + place));
    assert.deepEqual((await running.admin("/v1/listeners/web").then(({ body }) => body as { tags: unknown })).tags, {});
  }
  assert.equal(squatter.open, 0);
});

for (const protocol of ["TCP", "TCP_SSL"]) {
  Deno.test(`a ${protocol} listener with 1,000 ports serves each of them`, async () => {
    const count = 1000;
    const first = freePortsInARow(count);
    const asked = Array.from({ length: 10 }, (_, index) => first + index * 100 + 99);
    await using _servers = portServers("127.0.0.2", asked);
    await using running = await RunningWeir.start({
      certificates: CERTIFICATE_STORE,
      listeners: [
        range(`${first}-${first + count - 1}`, [{ address: "127.0.0.2" }], protocol === "TCP" ? {} : overTls()),
      ],
    }, { files });
    const read = protocol === "TCP" ? readName : readOverTls;
    for (const port of asked) assert.equal(await read(port, "127.0.0.1"), String(port));
    assert.equal((await running.listener("web")).connectionsTotal, asked.length);
  });
}

Deno.test("a range with more ports than there are descriptors fails with one clear line", async () => {
  const count = 400;
  const first = freePortsInARow(count);
  const folder = await Deno.makeTempDir({ prefix: "weir-test-" });
  try {
    const config = {
      admin: { listen: "off" },
      listeners: [range(`${first}-${first + count - 1}`, [{ address: "127.0.0.2" }])],
    };
    await Deno.writeTextFile(`${folder}/weir.yaml`, JSON.stringify(config));
    const command = weirCommandLine(["run", "-c", `${folder}/weir.yaml`]);
    const { code, stderr } = await run("sh", ["-c", 'ulimit -n 300; exec "$@"', "sh", ...command]);
    assert.equal(code, 1, stderr);
    assert.match(
      // Before it comes a warning that there are few.
      stderr.trimEnd().split("\n").at(-1) ?? "",
      /^weir: Listener "web": Cannot listen on 127\.0\.0\.1:\d+: no file descriptor is left; raise the limit \(ulimit -n, LimitNOFILE\) or listen on fewer ports$/,
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a group with a defaultPort serves listeners of both kinds, and its view adds them up", async () => {
  const first = freePortsInARow(4, ["127.0.0.1", "127.0.0.2"]);
  await using _servers = portServers("127.0.0.2", [first, first + 1, first + 3]);
  await using running = await RunningWeir.start({
    backendGroups: {
      web: { defaultPort: first + 3, servers: [{ address: "127.0.0.2" }], healthCheck: { enabled: false } },
    },
    listeners: [
      { name: "one", protocol: "TCP", address: "127.0.0.1", port: first + 2, backendGroup: "web" },
      { name: "many", protocol: "TCP", address: "127.0.0.1", ports: `${first}-${first + 1}`, backendGroup: "web" },
    ],
  });
  const reached = await Promise.all([0, 1, 2].map((place) => readName(first + place)));
  assert.deepEqual(reached, [first, first + 1, first + 3].map(String));
  const { body } = await running.admin("/v1/backend-groups/web");
  const { servers, listeners } = body as {
    listeners: string[];
    servers: { server: string; connectionsTotal: number }[];
  };
  assert.deepEqual(listeners, ["one", "many"]);
  assert.deepEqual(servers.map(({ server, connectionsTotal }) => [server, connectionsTotal]), [
    [`127.0.0.2:${first + 3}`, 3],
  ]);
});
