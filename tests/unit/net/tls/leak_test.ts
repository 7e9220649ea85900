/** Connections that are dropped at any point of their handshake, and after it, leave nothing open. @module */

import assert from "node:assert/strict";
import { until } from "../../../support/wait.ts";
import { echoServer, readAll, writeAll } from "../../../support/servers.ts";
import { SessionBench } from "../../session/bench.ts";
import { ALICE, mutualSettings, ROOT, settingsOf } from "./bench.ts";
import { captureHello } from "./hello.ts";

const CONNECTIONS = 500;
/** Connections at once. */
const AT_ONCE = 25;

const realHello = await captureHello(async (port) => {
  const connection = await Deno.connectTls({ hostname: "localhost", port });
  await connection.handshake().finally(() => connection.close());
});

/** What a client does with a connection to a port before it drops it. */
type Drop = (port: number) => Promise<void>;

const plain = (work: (connection: Deno.TcpConn) => Promise<unknown>): Drop => async (port) => {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await work(connection);
  connection.close();
};
const secure = (work: (connection: Deno.TlsConn) => Promise<unknown>): Drop => async (port) => {
  const own = { cert: ALICE.certPem, key: ALICE.keyPem };
  const connection = await Deno.connectTls({ hostname: "localhost", port, caCerts: [ROOT.certPem], ...own });
  await work(connection);
  connection.close();
};

const DROPS: readonly [what: string, drop: Drop, ends: readonly string[]][] = [
  ["before a byte", plain(() => Promise.resolve()), ["handshake_failed"]],
  ["in the middle of the hello", plain((one) => writeAll(one, realHello.subarray(0, 60))), ["handshake_failed"]],
  ["after the hello", plain((one) => writeAll(one, realHello)), ["handshake_failed"]],
  [
    "after the server's answer",
    plain(async (one) => {
      await writeAll(one, realHello);
      await one.read(new Uint8Array(10_000));
    }),
    ["handshake_failed"],
  ],
  ["after nonsense", plain((one) => writeAll(one, new Uint8Array(100))), ["handshake_failed"]],
  ["after the handshake", secure((one) => one.handshake()), ["client_closed", "reset"]],
  [
    "in the middle of an answer",
    secure(async (one) => {
      await writeAll(one, new Uint8Array(100_000));
      await one.read(new Uint8Array(1000));
    }),
    ["client_closed", "reset"],
  ],
  [
    "at the end",
    secure(async (one) => {
      await writeAll(one, new Uint8Array(100));
      await one.closeWrite();
      assert.equal((await readAll(one)).length, 100);
    }),
    ["client_closed"],
  ],
];

for (const [what, drop, ends] of DROPS) {
  Deno.test(`${CONNECTIONS} connections that are dropped ${what} leave nothing open`, async () => {
    await using server = echoServer();
    const bench = new SessionBench([{ port: server.port }]);
    bench.tls = what === "after the handshake" ? mutualSettings() : settingsOf();
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const accepting = (async () => {
      for await (const connection of listener) bench.start(connection);
    })();
    for (let done = 0; done < CONNECTIONS; done += AT_ONCE) {
      await Promise.all(Array.from({ length: AT_ONCE }, () => drop(listener.addr.port)));
    }
    await until("all sessions are over", () => bench.ends.length === CONNECTIONS, 60);
    listener.close();
    await accepting;
    await until("the server is left alone", () => server.open === 0);
    assert.deepEqual(bench.ends.filter((reason) => !ends.includes(reason)), []);
    const { ended } = bench.counters.read();
    bench.assertAllOver(Object.fromEntries([...ended].filter(([, count]) => count > 0)));
  });
}
