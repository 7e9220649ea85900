/** The admin API while the program ends. @module */

import assert from "node:assert/strict";
import { backends, listener } from "../support/configs.ts";
import { assertEchoes, assertRefused, connect } from "../support/echo.ts";
import { freePort } from "../support/ports.ts";
import { RunningWeir } from "../support/program.ts";
import { echoServer, writeAll } from "../support/servers.ts";
import { until } from "../support/wait.ts";

Deno.test("a request to the admin API that stalls does not keep SIGTERM from ending the program", async () => {
  await using server = echoServer();
  const port = freePort();
  await using running = await RunningWeir.start({
    shutdown: { drainTimeout: 1 },
    listeners: [listener(port, backends([server.port]))],
  });
  const head = (method: string, rest: string) =>
    new TextEncoder().encode(`${method} /v1/reload HTTP/1.1\r\nHost: 127.0.0.1:${running.adminPort}\r\n${rest}`);
  using noBody = await connect(running.adminPort);
  await writeAll(noBody, head("POST", "Content-Length: 100\r\n\r\n"));
  using halfBody = await connect(running.adminPort);
  await writeAll(halfBody, head("POST", "Transfer-Encoding: chunked\r\n\r\n5\r\nhel"));
  using halfHead = await connect(running.adminPort);
  await writeAll(halfHead, head("GET", "X-Half: "));
  assert.equal((await running.admin("/healthz")).status, 200, "others are answered");

  const startedAt = performance.now();
  running.signal("SIGTERM");
  let over = false;
  const ended = running.ended().finally(() => over = true);
  await until("the program has ended", () => over);
  assert.equal(await ended, 0, running.log);
  const seconds = (performance.now() - startedAt) / 1000;
  assert.ok(seconds < 30, `it took ${seconds} s`);
  assert.match(running.log, /"message":"Stopped"/);
});

Deno.test("a reload while the program is stopping is refused with 422 stopping and starts nothing", async () => {
  await using server = echoServer();
  const [port, fresh] = [freePort(), freePort()];
  const web = listener(port, backends([server.port]));
  const config = (...more: readonly object[]) => ({ shutdown: { drainTimeout: 60 }, listeners: [web, ...more] });
  await using running = await RunningWeir.start(config());
  using held = await connect(port);
  await assertEchoes(held, "held");
  running.signal("SIGTERM");
  await until("it is stopping", () => assertRefused(port).then(() => true, () => false));

  const { status, body } = await running.reload(config(listener(fresh, backends([server.port]), { name: "fresh" })));
  assert.deepEqual([status, (body as { type: string }).type], [422, "urn:weir:problem:stopping"]);
  running.signal("SIGHUP");
  await assertEchoes(held, "still draining");
  await assertRefused(port, "what stops does not come back");
  await assertRefused(fresh, "and nothing new starts");
  held.close();
  assert.equal(await running.ended(), 0);
  assert.doesNotMatch(running.log, /Reloaded|"fresh"/);
});
