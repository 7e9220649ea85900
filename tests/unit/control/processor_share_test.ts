import assert from "node:assert/strict";
import { processorShare } from "../../../src/control/processor_share.ts";

Deno.test("processorShare() is a share of what was wanted", () => {
  const share = processorShare();
  assert.ok(share > 0 && share <= 1, `${share}`);
});
