/** Whose fault a failed connect is. @module */

import assert from "node:assert/strict";
import { isOwnShortage } from "../../../src/net/connect.ts";

function failure(code: string): Error {
  return Object.assign(new Error("connect failed"), { code });
}

const FAILURES: readonly (readonly [what: string, error: unknown, own: boolean])[] = [
  ["no descriptor left in this process", failure("EMFILE"), true],
  ["no descriptor left on this machine", failure("ENFILE"), true],
  ["no buffer left", failure("ENOBUFS"), true],
  ["no memory left", failure("ENOMEM"), true],
  ["no port left", failure("EADDRNOTAVAIL"), true],
  ["a refusal", failure("ECONNREFUSED"), false],
  ["a reset", failure("ECONNRESET"), false],
  ["a timeout", failure("ETIMEDOUT"), false],
  ["no way to the server", failure("EHOSTUNREACH"), false],
  ["no way to the network", failure("ENETUNREACH"), false],
  ["an abort", new DOMException("aborted", "AbortError"), false],
  ["an error without a code", new Error("EMFILE"), false],
  ["something that is no error", { code: "EMFILE" }, false],
  ["nothing", undefined, false],
];

for (const [what, error, own] of FAILURES) {
  Deno.test(`isOwnShortage() calls ${what} ${own ? "our own" : "the server's"} business`, () => {
    assert.equal(isOwnShortage(error), own);
  });
}

Deno.test("isOwnShortage() knows a real refusal", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const error: unknown = await Deno.connect({ hostname: "127.0.0.1", port }).then((it) => it.close(), (error) => error);
  assert.ok(error instanceof Deno.errors.ConnectionRefused);
  assert.equal(isOwnShortage(error), false);
});
