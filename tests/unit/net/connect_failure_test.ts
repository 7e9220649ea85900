/** Why a connection failed, as people read it. @module */

import assert from "node:assert/strict";
import { connectFailure } from "../../../src/net/connect_failure.ts";

const FOUR = { address: "10.0.0.1", port: 80 };
const SIX = { address: "2001:db8::1", port: 80 };

Deno.test("connectFailure() names the server and the reason", () => {
  const refused = new Deno.errors.ConnectionRefused("Connection refused (os error 111)");
  const unreachable = new Error("No route to host (os error 113)");
  assert.equal(connectFailure(FOUR, refused), "connection to 10.0.0.1:80 refused; is it running on that port?");
  assert.equal(connectFailure(SIX, refused), "connection to [2001:db8::1]:80 refused; is it running on that port?");
  assert.equal(connectFailure(FOUR, unreachable), "connection to 10.0.0.1:80 failed: No route to host (os error 113)");
  assert.equal(
    connectFailure(SIX, new DOMException("aborted"), 4),
    "no answer from [2001:db8::1]:80 within 4 s; is it up, and no firewall in between?",
  );
});
