/** TCP options, as the kernel shows them: keep-alive on both connections, and the listening socket's backlog. @module */

import assert from "node:assert/strict";
import { CERTIFICATE_STORE, certificateFiles, connectTls, overTls, testCertificate } from "../support/certificates.ts";
import { backends, listener, type Settings } from "../support/configs.ts";
import { assertEchoes, connect } from "../support/echo.ts";
import { peerTest, run } from "../support/peers.ts";
import { freePort } from "../support/ports.ts";
import { RunningWeir } from "../support/program.ts";
import { echoServer } from "../support/servers.ts";
import { until } from "../support/wait.ts";

/** What the kernel knows of the sockets that a filter finds, one line each. */
async function sockets(ss: string, flags: string, filter: string): Promise<string[]> {
  const { code, stdout, stderr } = await run(ss, ["-n", "-H", "-t", ...flags.split(" "), filter]);
  assert.equal(code, 0, stderr);
  return stdout.split("\n").filter((line) => line !== "");
}

/** The backlogs of the sockets that listen on a port. */
async function backlogs(ss: string, port: number): Promise<number[]> {
  return (await sockets(ss, "-l", `sport = :${port}`)).map((line) => Number(line.split(/\s+/)[2]));
}

/** Whether the kernel keeps each connection alive that the filter finds, once nothing else is timed on any of them. */
async function keepAlive(ss: string, filter: string): Promise<boolean[]> {
  return await until(`nothing is on its way: ${filter}`, async () => {
    const lines = await sockets(ss, "-o", filter);
    if (lines.some((line) => /timer:\((?!keepalive)/.test(line))) return undefined;
    return lines.map((line) => line.includes("timer:(keepalive,"));
  });
}

const LOOPBACKS = [
  { family: "IPv4", hostname: "127.0.0.1" },
  { family: "IPv6", hostname: "::1" },
] as const;

for (const { family, hostname } of LOOPBACKS) {
  peerTest(
    `tcpKeepAlive holds for client and server of ${family}, is on by default, and changes in place`,
    ["ss"],
    async ({ ss }) => {
      await using echo = echoServer({ hostname });
      const port = freePort();
      const config = (settings: Settings) => ({
        listeners: [
          listener(port, backends([{ address: hostname, port: echo.port }]), { address: hostname, ...settings }),
        ],
      });
      await using running = await RunningWeir.start(config({}));
      const near = await Deno.connect({ hostname, port });
      await assertEchoes(near, "kept alive");
      const client = `sport = :${port} and dport = :${near.localAddr.port}`;
      assert.deepEqual(await keepAlive(ss, client), [true], "the client's connection");
      assert.deepEqual(await keepAlive(ss, `dport = :${echo.port}`), [true], "the server's connection");

      const { status, body } = await running.reload(config({ tcpKeepAlive: false }));
      assert.equal(status, 200, JSON.stringify(body));
      const later = await Deno.connect({ hostname, port });
      await assertEchoes(later, "not kept alive");
      assert.deepEqual(await keepAlive(ss, client), [true], "what was there before stays as it was");
      assert.deepEqual(await keepAlive(ss, `sport = :${port} and dport = :${later.localAddr.port}`), [false]);
      assert.deepEqual((await keepAlive(ss, `dport = :${echo.port}`)).toSorted(), [false, true]);
      near.close();
      later.close();
    },
  );
}

peerTest(
  "tcpKeepAlive of a TCP_SSL listener holds on both sides, with the engine fast for the server only",
  ["ss"],
  async ({ ss }) => {
    await using echo = echoServer();
    const [full, fast] = [freePort(), freePort()];
    const certificate = await testCertificate();
    await using _running = await RunningWeir.start({
      certificates: CERTIFICATE_STORE,
      listeners: [
        listener(full, backends([echo.port]), { name: "full", ...overTls() }),
        listener(fast, backends([echo.port]), { name: "fast", ...overTls({ engine: "fast" }) }),
      ],
    }, { files: certificateFiles(certificate) });
    const [first, second] = [await connectTls(full, certificate), await connectTls(fast, certificate)];
    await assertEchoes(first, "kept alive");
    await assertEchoes(second, "half kept alive");
    assert.deepEqual(await keepAlive(ss, `dport = :${echo.port}`), [true, true]);
    assert.deepEqual(await keepAlive(ss, `sport = :${full}`), [true]);
    assert.deepEqual(await keepAlive(ss, `sport = :${fast}`), [false], "docs/listeners.md says so");
    first.close();
    second.close();
  },
);

peerTest("backlog is that of the listening socket, TCP and TCP_SSL, IPv4 and IPv6", ["ss"], async ({ ss }) => {
  const [standard, plain, ipv6, tls] = [freePort(), freePort(), freePort("::1"), freePort()];
  await using running = await RunningWeir.start({
    certificates: CERTIFICATE_STORE,
    listeners: [
      listener(standard, backends([]), { name: "standard" }),
      listener(plain, backends([]), { name: "plain", backlog: 1 }),
      listener(ipv6, backends([]), { name: "ipv6", address: "::1", backlog: 77 }),
      listener(tls, backends([]), { name: "tls", ...overTls(), backlog: 99 }),
    ],
  }, { files: certificateFiles(await testCertificate()) });
  assert.deepEqual(await backlogs(ss, plain), [1]);
  assert.deepEqual(await backlogs(ss, ipv6), [77]);
  assert.deepEqual(await backlogs(ss, tls), [99]);
  const limit = Number(await Deno.readTextFile("/proc/sys/net/core/somaxconn"));
  assert.deepEqual(await backlogs(ss, standard), [Math.min(4096, limit)]);
  assert.equal((await running.admin("/v1/listeners/plain")).status, 200);
});

peerTest("a changed backlog waits for the next socket, and Weir says so", ["ss"], async ({ ss }) => {
  await using echo = echoServer();
  const [port, other] = [freePort(), freePort()];
  const config = (at: number, backlog: number) => ({ listeners: [listener(at, backends([echo.port]), { backlog })] });
  await using running = await RunningWeir.start(config(port, 50));
  using held = await connect(port);
  await assertEchoes(held, "before");

  const { status, body } = await running.reload(config(port, 60));
  assert.equal(status, 200, JSON.stringify(body));
  const { changes, warnings } = body as { changes: unknown; warnings: readonly { path: string; message: string }[] };
  assert.deepEqual(changes, [{ listener: "web", action: "update", settings: ["backlog"] }]);
  assert.deepEqual(warnings.map(({ path }) => path), ["listeners[0].backlog"]);
  assert.match(warnings[0]?.message ?? "", /takes effect when listener "web" opens its socket next/);
  await until("the log says so", () => /listeners\[0\]\.backlog: takes effect when/.test(running.log));
  assert.deepEqual(await backlogs(ss, port), [50]);
  await assertEchoes(held, "established connections stay");

  await running.reload(config(other, 60));
  assert.deepEqual(await backlogs(ss, other), [60]);
});
