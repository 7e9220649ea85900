/** Taking servers out of service, gently, and giving them other weights, while the program runs. @module */

import assert from "node:assert/strict";
import { backends, listener } from "../support/configs.ts";
import { assertEchoes } from "../support/echo.ts";
import { eachFamily } from "../support/ipv6.ts";
import { freePort } from "../support/ports.ts";
import { RunningWeir, weir } from "../support/program.ts";
import { echoServer, nameServer, readName, serve, type TestServer, writeAll } from "../support/servers.ts";
import { until } from "../support/wait.ts";

/** Says its name and then sends back what it gets, so that a client knows where it is and can stay. */
function namedEcho(name: string, hostname: string): TestServer {
  return serve(async (connection) => {
    await writeAll(connection, new TextEncoder().encode(name));
    const buffer = new Uint8Array(1024);
    for (let count = await connection.read(buffer); count !== null; count = await connection.read(buffer)) {
      await writeAll(connection, buffer.subarray(0, count));
    }
  }, { hostname });
}

/** Connects and reads the one letter that a server calls itself. */
async function held(
  port: number,
  hostname: string,
): Promise<{ readonly name: string; readonly connection: Deno.Conn }> {
  const connection = await Deno.connect({ hostname, port });
  const letter = new Uint8Array(1);
  await connection.read(letter);
  return { name: new TextDecoder().decode(letter), connection };
}

const endpoint = (address: string, port: number) =>
  address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;

/** `weir drain` of this program. */
const drain = (running: RunningWeir, ...args: string[]) =>
  weir(["drain", ...args, "--admin", `http://127.0.0.1:${running.adminPort}`]);

/** Changes a server through the admin API. */
async function change(running: RunningWeir, path: string, body: Record<string, unknown>): Promise<void> {
  const headers = { "content-type": "application/json" };
  const answer = await running.admin(path, { method: "PATCH", headers, body: JSON.stringify(body) });
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
}

eachFamily("weir drain: open connections go on, new ones go elsewhere, --wait waits for the last", async (loopback) => {
  await using a = namedEcho("a", loopback);
  await using b = namedEcho("b", loopback);
  const port = freePort(loopback);
  const servers = [a, b].map(({ port }) => ({ address: loopback, port }));
  await using running = await RunningWeir.start({
    listeners: [listener(port, backends(servers), { address: loopback })],
  });
  const all = [await held(port, loopback), await held(port, loopback)];
  await using _closing = { [Symbol.asyncDispose]: () => Promise.resolve(all.forEach((one) => one.connection.close())) };
  assert.deepEqual(all.map((one) => one.name).sort(), ["a", "b"]);
  const server = endpoint(loopback, a.port);

  const drained = await drain(running, "web", server);
  assert.deepEqual([drained.code, drained.stderr], [0, ""]);
  assert.equal(drained.stdout, `${server} takes nothing new, 1 open connection\n`);
  for (let round = 0; round < 4; round++) {
    const { name, connection } = await held(port, loopback);
    connection.close();
    assert.equal(name, "b");
  }
  for (const { connection } of all) await assertEchoes(connection, "goes on");
  const status = await weir(["status", "--admin", `http://127.0.0.1:${running.adminPort}`]);
  assert.match(status.stdout, new RegExp(`${server.replaceAll(/[.[\]]/g, "\\$&")} .*, draining`));

  const impatient = await drain(running, "web", server, "--wait", "1");
  assert.equal(impatient.code, 1);
  assert.equal(impatient.stderr, "weir: after 1 s 1 connection is still open\n");
  const waiting = drain(running, "web", server, "--wait", "60", "--json");
  all.splice(all.findIndex((one) => one.name === "a"), 1)[0]?.connection.close();
  const waited = await waiting;
  assert.deepEqual([waited.code, waited.stderr], [0, ""]);
  const left = JSON.parse(waited.stdout) as { servers: { server: string; connectionsActive: number }[] };
  assert.deepEqual(left.servers.map((one) => [one.server, one.connectionsActive]), [[server, 0]]);

  const resumed = await drain(running, "web", server, "--resume");
  assert.deepEqual([resumed.code, resumed.stdout], [0, `${server} takes new connections, 0 open connections\n`]);
  const names = new Set<string>();
  await until("both get connections again", async () => {
    const { name, connection } = await held(port, loopback);
    connection.close();
    return names.add(name).size === 2;
  });
});

eachFamily("the admin API drains a server in one listener or in a whole group", async (loopback) => {
  await using a = nameServer("a", { hostname: loopback });
  await using b = nameServer("b", { hostname: loopback });
  const [one, two] = [freePort(loopback), freePort(loopback)];
  const on = (port: number, name: string) => ({ name, protocol: "TCP", address: loopback, port, backendGroup: "web" });
  await using running = await RunningWeir.start({
    backendGroups: { web: backends([a, b].map(({ port }) => ({ address: loopback, port }))) },
    listeners: [on(one, "one"), on(two, "two")],
  });
  const reading = async (port: number) => await readName(port, loopback) + await readName(port, loopback);
  const server = encodeURIComponent(endpoint(loopback, a.port));

  await change(running, `/v1/listeners/one/servers/${server}`, { drain: true });
  assert.deepEqual([await reading(one), [...await reading(two)].sort().join("")], ["bb", "ab"]);
  await change(running, `/v1/backend-groups/web/servers/${server}`, { drain: true });
  assert.deepEqual([await reading(one), await reading(two)], ["bb", "bb"]);

  // A listener alone cannot end what its group says, and the command says so.
  const resumed = await drain(running, "one", endpoint(loopback, a.port), "--resume");
  assert.equal(resumed.code, 1);
  assert.match(resumed.stderr, /still drained, in its whole backend group \(add --group\)/);
  assert.equal(await reading(one), "bb");
  const group = await drain(running, "one", endpoint(loopback, a.port), "--resume", "--group");
  assert.deepEqual([group.code, group.stderr], [0, ""]);
  for (const port of [one, two]) assert.equal([...await reading(port)].sort().join(""), "ab");
});

Deno.test("a drain survives reloads and ends with its server's absence; a weight is undone by the next reload", async () => {
  await using a = nameServer("a");
  await using b = nameServer("b");
  const port = freePort();
  const config = (servers: readonly TestServer[], settings = {}) => ({
    listeners: [listener(port, backends(servers.map((server) => server.port)), settings)],
  });
  await using running = await RunningWeir.start(config([a, b]));
  const path = (server: TestServer) => `/v1/listeners/web/servers/127.0.0.1:${server.port}`;
  const seen = async () =>
    (await running.listener("web")).servers.map((one) => `${one.weight}${one.draining ? "!" : ""}`);
  const reloaded = async (next?: Record<string, unknown>) => assert.equal((await running.reload(next)).status, 200);

  await change(running, path(a), { drain: true });
  await change(running, path(b), { weight: 1 });
  assert.deepEqual(await seen(), ["10!", "1"]);
  await reloaded(config([a, b], { idleTimeout: 60 }));
  assert.deepEqual(await seen(), ["10!", "10"]);
  assert.equal(await readName(port) + await readName(port), "bb");

  assert.equal((await running.reload("listeners: 7")).status, 422);
  assert.deepEqual(await seen(), ["10!", "10"], "a refused reload changes nothing");
  const moved = freePort();
  await reloaded({ listeners: [listener(moved, backends([a.port, b.port]))] });
  assert.equal(await readName(moved) + await readName(moved), "bb", "nor does a listener that is replaced forget");

  await reloaded(config([b]));
  await reloaded(config([a, b]));
  assert.deepEqual(await seen(), ["10", "10"]);
});

Deno.test("with every server drained clients are refused as no_server; backups take over when there are any", async () => {
  await using a = nameServer("a");
  await using b = nameServer("b");
  await using spare = nameServer("s");
  const [plain, spared] = [freePort(), freePort()];
  await using running = await RunningWeir.start({
    listeners: [
      listener(plain, backends([a.port, b.port]), { name: "plain" }),
      listener(spared, backends([a.port, b.port, { port: spare.port, backup: true }]), { name: "spared" }),
    ],
  });
  for (const name of ["plain", "spared"]) {
    for (const server of [a, b]) {
      await change(running, `/v1/listeners/${name}/servers/127.0.0.1:${server.port}`, { drain: true });
    }
  }
  assert.equal(await readName(plain), "", "refused");
  await until("it is counted", async () => (await running.listener("plain")).connectionsEnded["no_server"] === 1);
  assert.equal(await readName(spared) + await readName(spared), "ss");
  await change(running, `/v1/listeners/spared/servers/127.0.0.1:${spare.port}`, { drain: true });
  assert.equal(await readName(spared), "");
  await change(running, `/v1/listeners/spared/servers/127.0.0.1:${a.port}`, { drain: false });
  assert.equal(await readName(spared) + await readName(spared), "aa");
});

Deno.test("a weight that is set at run time holds at once, for the group in every listener", async () => {
  await using a = nameServer("a");
  await using b = nameServer("b");
  const port = freePort();
  await using running = await RunningWeir.start({
    backendGroups: { web: backends([a.port, b.port]) },
    listeners: [{ name: "web", protocol: "TCP", address: "127.0.0.1", port, backendGroup: "web" }],
  });
  const eight = async () => {
    let names = "";
    for (let round = 0; round < 8; round++) names += await readName(port);
    return [...names].sort().join("");
  };
  await change(running, `/v1/backend-groups/web/servers/127.0.0.1:${a.port}`, { weight: 30 });
  assert.equal(await eight(), "aaaaaabb");
  await change(running, `/v1/backend-groups/web/servers/127.0.0.1:${a.port}`, { weight: 0 });
  assert.equal(await eight(), "bbbbbbbb");
  await running.reload();
  assert.equal(await eight(), "aaaabbbb");
});

Deno.test("weir drain: wrong usage and unknown names, each with one line", async () => {
  await using server = echoServer();
  const port = freePort();
  await using running = await RunningWeir.start({
    admin: { token: "secret" },
    listeners: [listener(port, backends([server.port]))],
  });
  const name = `127.0.0.1:${server.port}`;
  const token = ["--token", "secret"];
  const cases: [args: string[], code: number, wanted: RegExp][] = [
    [[], 2, /needs a listener and a server/],
    [["web"], 2, /needs a listener and a server/],
    [["web", name, "more"], 2, /does not take "more"/],
    [["web", name, "--wait", "0"], 2, /--wait must be between 1 and 86400 seconds, got "0"/],
    [["web", name, "--wait", "soon"], 2, /--wait must be .* got "soon"/],
    [["web", name, "--wait", "5", "--resume"], 2, /do not go together/],
    [["web", name, "--group", ...token], 2, /written in place/],
    [["wbe", name, ...token], 1, /no listener "wbe" \(did you mean "web"\?\)/],
    [["web", "127.0.0.1:1", ...token], 1, /no server "127\.0\.0\.1:1"/],
    [["web", name], 1, /--token/],
  ];
  for (const [args, code, wanted] of cases) {
    const result = await drain(running, ...args);
    assert.deepEqual([result.code, result.stdout], [code, ""], `${args.join(" ")}: ${result.stderr}`);
    assert.match(result.stderr, wanted);
    assert.equal(result.stderr.trimEnd().split("\n").length, 1, result.stderr);
  }
  assert.equal((await drain(running, "web", name, ...token)).code, 0);
});
