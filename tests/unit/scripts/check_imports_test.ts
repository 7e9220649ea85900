/** The guard of the layers sees every kind of import, and knows up from down. @module */

import assert from "node:assert/strict";
import { findViolations, importsOf } from "../../../scripts/check_imports.ts";

Deno.test("importsOf() finds every kind of relative import with its line, and nothing else", () => {
  const text = `/**
 * import { example } from "./in_a_comment.ts";
 */
import { a } from "./a.ts";
import type { B } from "../b/b.ts";
import {
  c,
  type D,
} from "./c.ts";
import "./e.ts";
export * from "./f.ts";
export { g } from "./g.ts";
import { z } from "zod";
import assert from "node:assert/strict";
// import { h } from "./h.ts";
const i = await import("./i.ts");
const j: import("./j.ts").J = new Worker(new URL("../worker/entry.ts", import.meta.url));
const text = 'from "./k.ts"';
`;
  assert.deepEqual(importsOf(text).map(({ line, specifier }) => `${line} ${specifier}`), [
    "4 ./a.ts",
    "5 ../b/b.ts",
    "9 ./c.ts",
    "10 ./e.ts",
    "11 ./f.ts",
    "12 ./g.ts",
    "16 ./i.ts",
    "17 ./j.ts",
  ]);
});

Deno.test("findViolations() lets imports go down and stay at home", () => {
  const allowed = [
    ["src/net/listen.ts", "./ip.ts"],
    ["src/net/listen.ts", "../errors.ts"],
    ["src/config/rules.ts", "../text/nearest.ts"],
    ["src/messages.ts", "./board/layout.ts"],
    ["src/worker/entry.ts", "../messages.ts"],
    ["src/control/supervisor.ts", "../messages.ts"],
    ["src/admin/api.ts", "../control/reload.ts"],
    ["src/cli/run.ts", "../app.ts"],
    ["src/version.ts", "../deno.json"],
    ["main.ts", "./src/cli/main.ts"],
  ] as const;
  for (const [path, specifier] of allowed) {
    assert.deepEqual(findViolations(new Map([[path, `import "${specifier}";`]])), [], `${path} ${specifier}`);
  }
});

Deno.test("findViolations() names imports that go up, sideways, out, or into the workers", () => {
  const refused = [
    ["src/net/ip.ts", "../config/model.ts", 'src/config/model.ts: "config" is above "net"'],
    ["src/errors.ts", "./log.ts", 'src/log.ts: "log" is beside "errors"'],
    ["src/board/layout.ts", "../session/session.ts", 'src/session/session.ts: "session" is above "board"'],
    ["src/worker/listener.ts", "../control/reload.ts", 'src/control/reload.ts: "control" is above "worker"'],
    ["src/control/worker_handle.ts", "../worker/entry.ts", 'src/worker/entry.ts: "worker" is for workers only'],
    ["src/admin/views.ts", "../session/session.ts", 'src/session/session.ts: "session" is for workers only'],
    ["src/admin/views.ts", "../app.ts", 'src/app.ts: "app" is above "admin"'],
    ["src/app.ts", "./cli/main.ts", 'src/cli/main.ts: "cli" is above "app"'],
    ["src/app.ts", "../tests/support/wait.ts", "tests/support/wait.ts: is outside of src"],
    ["src/app.ts", "./misc/x.ts", 'src/misc/x.ts: "misc" has no place in the layers of scripts/check_imports.ts'],
  ] as const;
  for (const [path, specifier, expected] of refused) {
    assert.deepEqual(findViolations(new Map([[path, `\nimport "${specifier}";`]])), [`${path}:2 imports ${expected}`]);
  }
});
