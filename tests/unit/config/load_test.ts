/** Files that a configuration names, as they are on disk. @module */

import assert from "node:assert/strict";
import { fileOrigin } from "../../../src/config/load.ts";
import { ConfigError } from "../../../src/errors.ts";

Deno.test(
  "fileOrigin() reads no device: it would never come to an end",
  { ignore: Deno.build.os === "windows" },
  async () => {
    const folder = await Deno.makeTempDir({ prefix: "weir-test-" });
    try {
      await Deno.writeTextFile(`${folder}/weir.yaml`, "ipGroups: { office: { file: /dev/zero } }\nlisteners: []\n");
      assert.throws(() => fileOrigin(`${folder}/weir.yaml`, () => undefined).load(), (error) => {
        assert.ok(error instanceof ConfigError);
        assert.match(
          error.message,
          /weir\.yaml:1:\d+ ipGroups\.office\.file: cannot read "\/dev\/zero": it is a device or a pipe, and no file$/,
        );
        return true;
      });
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
);
