/** Access control, limits and source hash, seen by clients. Loopback has many addresses, so clients can differ. @module */

import assert from "node:assert/strict";
import { freePort } from "../support/ports.ts";
import { RunningWeir } from "../support/program.ts";
import { echoServer, nameServer, type TestServer } from "../support/servers.ts";
import { peerTest, run } from "../support/peers.ts";
import { until } from "../support/wait.ts";

function listener(port: number, servers: readonly TestServer[], settings: Record<string, unknown> = {}, group = {}) {
  const backends = {
    servers: servers.map((server) => ({ address: "127.0.0.1", port: server.port })),
    healthCheck: { enabled: false },
    ...group,
  };
  return { name: "web", protocol: "TCP", address: "0.0.0.0", port, backends, ...settings };
}

/** What curl gets as client `from`; empty when it is turned away. */
async function askAs(curl: string, from: string, port: number): Promise<string> {
  const { stdout } = await run(curl, [
    "-s",
    "--http0.9",
    "--interface",
    from,
    "-m",
    "10",
    `telnet://127.0.0.1:${port}`,
  ]);
  return stdout;
}

peerTest("an access list lets in and keeps out by address, and changes on reload without touching those inside", [
  "curl",
], async ({ curl }) => {
  await using server = nameServer("hello");
  await using echo = echoServer();
  const [port, echoPort] = [freePort(), freePort()];
  const config = (mode: string, blocks: string[]) => ({
    ipGroups: { some: blocks, file: { file: "list.txt" } },
    listeners: [
      listener(port, [server], { accessControl: { mode, groups: ["some", "file"] } }),
      { ...listener(echoPort, [echo], { accessControl: { mode, groups: ["some", "file"] } }), name: "echo" },
    ],
  });
  await using weir = await RunningWeir.start(config("whitelist", ["127.0.0.2/32"]), {
    files: { "list.txt": "# friends\n127.0.0.4\n127.0.0.8/30  # four of them\n" },
  });
  const seen = async () =>
    (await Promise.all(["127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.9"].map((from) => askAs(curl, from, port))))
      .join();
  assert.equal(await seen(), "hello,,hello,hello");
  assert.equal((await weir.listener("web")).connectionsEnded["denied"], 1);

  await weir.reload(config("blacklist", ["127.0.0.1"]));
  assert.equal(await seen(), "hello,hello,,");
});

Deno.test("connections above maxConnections are closed at once; lowering it interrupts nobody", async () => {
  await using server = echoServer();
  const port = freePort();
  const config = (maxConnections: number | string) => ({ listeners: [listener(port, [server], { maxConnections })] });
  await using weir = await RunningWeir.start(config(3));
  const held: Deno.TcpConn[] = [];
  try {
    for (let index = 0; index < 3; index++) held.push(await open(port));
    assert.equal(await isTurnedAway(port), true);
    await weir.reload(config(1));
    for (const connection of held) assert.equal(await echoes(connection), true);
    assert.equal(await isTurnedAway(port), true);
    assert.equal((await weir.listener("web")).connectionsEnded["limit"], 2);
    await weir.reload(config("unlimited"));
    held.push(await open(port));
  } finally {
    for (const connection of held) connection.close();
  }
});

Deno.test("new connections above maxNewConnections a second are closed at once", async () => {
  await using server = echoServer();
  const port = freePort();
  await using weir = await RunningWeir.start({ listeners: [listener(port, [server], { maxNewConnections: 2 })] });
  const startedAt = performance.now();
  const verdicts = await Promise.all(Array.from({ length: 20 }, () => isTurnedAway(port)));
  const seconds = (performance.now() - startedAt) / 1000;
  const served = verdicts.filter((turnedAway) => !turnedAway).length;
  assert.ok(served >= 2 && served <= 2 + Math.ceil(2 * seconds), `${served} served in ${seconds} s`);
  const { connectionsEnded } = await weir.listener("web");
  assert.equal(connectionsEnded["limit"], 20 - served);
  await until("the allowance comes back", async () => !(await isTurnedAway(port)));
});

peerTest("source-hash sends a client to one server, also after a reload, and different clients to different ones", [
  "curl",
], async ({ curl }) => {
  await using a = nameServer("a");
  await using b = nameServer("b");
  await using c = nameServer("c");
  const port = freePort();
  const config = (tags: Record<string, string>) => ({
    listeners: [listener(port, [a, b, c], { tags }, { algorithm: "source-hash" })],
  });
  await using weir = await RunningWeir.start(config({}));
  const clients = Array.from({ length: 30 }, (_, index) => `127.0.1.${index + 1}`);
  const first = await Promise.all(clients.map((client) => askAs(curl, client, port)));
  assert.deepEqual([...new Set(first)].sort(), ["a", "b", "c"]);
  await weir.reload(config({ changed: "yes" }));
  assert.deepEqual(await Promise.all(clients.map((client) => askAs(curl, client, port))), first);
});

Deno.test("an access list from a file with a wrong line is refused with the file and the line", async () => {
  await using server = nameServer("x");
  const port = freePort();
  const config = {
    ipGroups: { some: { file: "list.txt" } },
    listeners: [listener(port, [server], { accessControl: { mode: "blacklist", groups: ["some"] } })],
  };
  await using weir = await RunningWeir.start(config, { files: { "list.txt": "10.0.0.1\n" } });
  await Deno.writeTextFile(`${weir.folder}/list.txt`, "10.0.0.1\n10.0.0.300\n");
  const { status, body } = await weir.reload();
  assert.equal(status, 422);
  assert.match(JSON.stringify(body), /got \\"10\.0\.0\.300\\" in line 2 of \\"list\.txt\\"/);
});

async function open(port: number): Promise<Deno.TcpConn> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  assert.equal(await echoes(connection), true);
  return connection;
}

async function echoes(connection: Deno.TcpConn): Promise<boolean> {
  await connection.write(new Uint8Array([7]));
  const buffer = new Uint8Array(1);
  return await connection.read(buffer) === 1 && buffer[0] === 7;
}

async function isTurnedAway(port: number): Promise<boolean> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  try {
    return !(await echoes(connection));
  } catch {
    return true; // a reset: the byte was on its way when the connection was closed
  } finally {
    connection.close();
  }
}
