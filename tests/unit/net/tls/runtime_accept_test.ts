/** Handshakes that the runtime's own listener does (engine "fast"): the same reasons as with ours. @module */

import assert from "node:assert/strict";
import { listenTls } from "../../../../src/net/listen.ts";
import { HandshakeError, type HandshakeFailure } from "../../../../src/net/tls/handshake_failure.ts";
import { acceptRuntimeTls } from "../../../../src/net/tls/runtime_accept.ts";
import { freePort } from "../../../support/ports.ts";
import { LOCALHOST, ROOT } from "./bench.ts";
import { hello } from "./hello.ts";

/** What comes of a handshake: the application protocol, or why there is none. */
async function outcome(
  client: (port: number) => Promise<unknown>,
  alpn: readonly string[] = [],
): Promise<string | null | HandshakeFailure> {
  const port = freePort();
  using listener = listenTls({ address: "127.0.0.1", port, backlog: 16 }, { ...LOCALHOST, alpn });
  const connecting = client(port).catch(() => {});
  using accepted = await listener.accept();
  try {
    return await acceptRuntimeTls(accepted);
  } catch (error) {
    assert.ok(error instanceof HandshakeError, String(error));
    return error.failure;
  } finally {
    await connecting;
  }
}

const tls = (options: Partial<Deno.ConnectTlsOptions>) => async (port: number) => {
  const connection = await Deno.connectTls({ hostname: "localhost", port, ...options });
  await connection.handshake().finally(() => connection.close());
};
const plain = (bytes: Uint8Array) => async (port: number) => {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await connection.write(bytes);
  await connection.closeWrite();
};

Deno.test("acceptRuntimeTls() gives the application protocol that was agreed on", async () => {
  const caCerts = [ROOT.certPem];
  assert.equal(await outcome(tls({ caCerts })), null);
  assert.equal(await outcome(tls({ caCerts, alpnProtocols: ["h2"] })), null, "none is offered");
  assert.equal(await outcome(tls({ caCerts, alpnProtocols: ["h2", "x"] }), ["x"]), "x");
  assert.equal(await outcome(tls({ caCerts }), ["x"]), null);
});

const FAILURES: readonly [what: string, client: (port: number) => Promise<unknown>, failure: HandshakeFailure][] = [
  ["plain text", plain(new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n")), "not_tls"],
  ["nothing", plain(new Uint8Array(0)), "hung_up"],
  ["half a hello", plain(hello().subarray(0, 40)), "hung_up"],
  ["a hello that lacks what is needed", plain(hello()), "protocol"],
  ["that it does not trust the certificate", tls({}), "client_alert"],
  ["other application protocols", tls({ caCerts: [ROOT.certPem], alpnProtocols: ["y"] }), "no_shared_alpn"],
];

for (const [what, client, failure] of FAILURES) {
  Deno.test(`acceptRuntimeTls() refuses a client that says ${what} as ${failure}`, async () => {
    assert.equal(await outcome(client, ["x"]), failure);
  });
}
