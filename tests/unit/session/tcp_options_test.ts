/** The TCP options of a session's client connection. @module */

import assert from "node:assert/strict";
import { nameServer, readAll } from "../../support/servers.ts";
import { until } from "../../support/wait.ts";
import { SessionBench, tcpPair } from "./bench.ts";

for (const tcpKeepAlive of [true, false]) {
  Deno.test(`session sets the client's TCP options before it relays, tcpKeepAlive ${tcpKeepAlive}`, async () => {
    await using server = nameServer("two");
    const bench = new SessionBench([{ port: server.port }]);
    bench.tcpKeepAlive = tcpKeepAlive;
    const { near, accepted } = await tcpPair();
    const calls: string[] = [];
    Object.assign(accepted, {
      setNoDelay: (on: boolean) => calls.push(`no delay ${on}`),
      setKeepAlive: (on: boolean) => calls.push(`keep alive ${on}`),
    });
    const small = bench.buffers.small.bind(bench.buffers);
    bench.buffers.small = () => {
      calls.push("buffer");
      return small();
    };
    await bench.start(accepted).ran;
    assert.deepEqual(calls, ["no delay true", ...(tcpKeepAlive ? ["keep alive true"] : []), "buffer", "buffer"]);
    assert.equal(new TextDecoder().decode(await readAll(near)), "two");
    near.close();
    await until("the session is over", () => bench.ends.length > 0);
  });
}
