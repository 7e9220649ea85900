/** What a service manager hears, over its real kind of socket. @module */

import assert from "node:assert/strict";
import { ServiceManager } from "../../../src/cli/service_manager.ts";

/** A service manager's socket. */
async function listen() {
  const folder = await Deno.makeTempDir({ prefix: "weir-notify-" });
  const path = `${folder}/socket`;
  const socket = Deno.listenDatagram({ transport: "unixpacket", path });
  return {
    path,
    next: async () => new TextDecoder().decode((await socket.receive())[0]),
    [Symbol.asyncDispose]: async () => {
      socket.close();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

const environment = (values: Record<string, string>) => (name: string) => values[name];
const unix = { ignore: Deno.build.os === "windows" };

Deno.test("ServiceManager says ready and stopping, with the time that stopping takes", unix, async () => {
  await using socket = await listen();
  using manager = new ServiceManager(assert.fail, { environment: environment({ NOTIFY_SOCKET: socket.path }) });
  await manager.ready();
  assert.equal(await socket.next(), "READY=1\nSTATUS=Serving");
  await manager.stopping(40);
  assert.equal(await socket.next(), "STOPPING=1\nSTATUS=Draining\nEXTEND_TIMEOUT_USEC=40000000");
});

Deno.test("ServiceManager tells a watchdog again and again that the program lives", unix, async () => {
  await using socket = await listen();
  const values = { NOTIFY_SOCKET: socket.path, WATCHDOG_USEC: "20000", WATCHDOG_PID: String(Deno.pid) };
  using manager = new ServiceManager(assert.fail, { environment: environment(values) });
  await manager.ready();
  const heard = [await socket.next(), await socket.next(), await socket.next()];
  assert.deepEqual(heard, ["READY=1\nSTATUS=Serving", "WATCHDOG=1", "WATCHDOG=1"]);
});

Deno.test("ServiceManager leaves another process's watchdog alone", unix, async () => {
  await using socket = await listen();
  const values = { NOTIFY_SOCKET: socket.path, WATCHDOG_USEC: "1000", WATCHDOG_PID: String(Deno.pid + 1) };
  using manager = new ServiceManager(assert.fail, { environment: environment(values) });
  await manager.ready();
  await new Promise((resolve) => setTimeout(resolve, 20));
  await manager.stopping(1);
  assert.match(await socket.next(), /^READY=1/);
  assert.match(await socket.next(), /^STOPPING=1/);
});

Deno.test("ServiceManager is silent where nobody asked, and warns of a socket that is not there", unix, async () => {
  using silent = new ServiceManager(assert.fail, { environment: environment({ WATCHDOG_USEC: "1000" }) });
  await silent.ready();
  await silent.stopping(1);
  const warnings: string[] = [];
  const path = "/nowhere/socket";
  using wrong = new ServiceManager(
    (level, text) => warnings.push(`${level}: ${text}`),
    { environment: environment({ NOTIFY_SOCKET: path }) },
  );
  await wrong.ready();
  assert.equal(warnings.length, 1);
  assert.match(warnings[0] ?? "", /^warn: Cannot tell the service manager at "\/nowhere\/socket": /);
});
