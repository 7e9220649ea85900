/** Listening sockets against this process and a foreign one. @module */

import assert from "node:assert/strict";
import { WeirError } from "../../../src/errors.ts";
import { checkFree, listenShared, listenTls } from "../../../src/net/listen.ts";
import { testCertificate } from "../../support/certificates.ts";
import { freePort } from "../../support/ports.ts";

const address = "127.0.0.1";
const backlog = 4096;

/** A foreign program that listens until it is disposed. */
async function foreignListener(port: number, options = ""): Promise<AsyncDisposable> {
  const code = `Deno.listen({ hostname: "127.0.0.1", port: ${port}, ${options} }); console.log("ready");
    setInterval(() => {}, 1000);`;
  const args = ["eval", "--unstable-net", code];
  const child = new Deno.Command(Deno.execPath(), { args, stdout: "piped", stderr: "null", stdin: "null" }).spawn();
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  assert.equal(new TextDecoder().decode(value).trim(), "ready");
  return {
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.status;
      await reader.cancel();
    },
  };
}

function assertBindFailed(bind: () => unknown, message: string): void {
  assert.throws(bind, (error) => {
    assert.ok(error instanceof WeirError);
    assert.equal(error.kind, "bind_failed");
    assert.equal(error.message, message);
    assert.ok(error.cause instanceof Error);
    return true;
  });
}

Deno.test("listenShared() twice in one process shares the queue, and the one left takes over what waits", async () => {
  const port = freePort();
  const one = listenShared({ address, port, backlog });
  using two = listenShared({ address, port, backlog });
  const waiting = await Promise.all(
    Array.from({ length: 20 }, () => Deno.connect({ hostname: address, port })),
  );
  const accepted: Deno.TcpConn[] = [];
  for (let count = 0; count < 5; count++) accepted.push(await one.accept());
  one.close();
  for (let count = 0; count < 15; count++) accepted.push(await two.accept());
  const peers = accepted.map((connection) => connection.remoteAddr.port).sort();
  assert.deepEqual(peers, waiting.map((connection) => connection.localAddr.port).sort());
  for (const connection of [...accepted, ...waiting]) connection.close();
});

Deno.test("listenShared() frees the port when the last of its sockets closes", () => {
  const port = freePort();
  const [one, two] = [listenShared({ address, port, backlog }), listenShared({ address, port, backlog })];
  one.close();
  assert.throws(() => checkFree({ address, port }), WeirError);
  two.close();
  checkFree({ address, port });
});

/** What is said of a port of 127.0.0.1 that another program has. */
function inUse(port: number): string {
  const command = Deno.build.os === "linux" ? `ss -ltnp sport = :${port}` : `lsof -nP -iTCP:${port} -sTCP:LISTEN`;
  const advice = `"${command}" shows which, or choose another port`;
  return `Cannot listen on 127.0.0.1:${port}: the port is in use by another program; ${advice}`;
}

Deno.test("listenShared() and checkFree() refuse a port of another program, and say so", async () => {
  const port = freePort();
  await using _foreign = await foreignListener(port);
  const message = inUse(port);
  assertBindFailed(() => listenShared({ address, port, backlog }), message);
  assertBindFailed(() => checkFree({ address, port }), message);
});

Deno.test("checkFree() refuses a port of another program that would let itself be joined", async () => {
  const port = freePort();
  await using _foreign = await foreignListener(port, "reusePort: true");
  const message = inUse(port);
  assertBindFailed(() => checkFree({ address, port }), message);
  assertBindFailed(() => listenShared({ address, port, backlog }), message);
});

Deno.test("checkFree() leaves a free port free", () => {
  const port = freePort();
  checkFree({ address, port });
  checkFree({ address, port });
  listenShared({ address, port, backlog }).close();
});

Deno.test("listenTls() opens a second socket beside the first, and refuses a port of another program", async () => {
  const certificate = { ...await testCertificate(), alpn: [] };
  const port = freePort();
  const one = listenTls({ address, port, backlog }, certificate);
  const two = listenTls({ address, port, backlog }, certificate);
  one.close();
  two.close();
  await using _foreign = await foreignListener(port);
  assertBindFailed(
    () => listenTls({ address, port, backlog }, certificate),
    inUse(port),
  );
});

Deno.test("listenShared() says when the machine has no such address", () => {
  assertBindFailed(
    () => listenShared({ address: "192.0.2.1", port: 8080, backlog }),
    "Cannot listen on 192.0.2.1:8080: this machine has no address 192.0.2.1",
  );
  assertBindFailed(
    () => listenShared({ address: "2001:db8::1", port: 8080, backlog }),
    "Cannot listen on [2001:db8::1]:8080: this machine has no address 2001:db8::1",
  );
});

Deno.test({
  name: "listenShared() says what is missing when it has no permission",
  permissions: { net: false },
  fn: () => {
    assertBindFailed(
      () => listenShared({ address, port: 443, backlog }),
      "Cannot listen on 127.0.0.1:443: no permission for ports below 1024; choose a higher one, or grant it: " +
        "setcap cap_net_bind_service=+ep on the executable, AmbientCapabilities=CAP_NET_BIND_SERVICE under systemd",
    );
    assertBindFailed(
      () => listenShared({ address, port: 8443, backlog }),
      "Cannot listen on 127.0.0.1:8443: no permission",
    );
  },
});
