/** The regression gate fails a Weir that has become slow: a copy of this one, with a delay on every connection. @module */

import assert from "node:assert/strict";
import { projectPath } from "../support/program.ts";

const PARTS = [
  "main.ts",
  "deno.json",
  "deno.lock",
  "src",
  "bench",
  "config",
  "scripts",
  "tests/support",
  "tests/unit/plans.ts",
];

/** Burns half a millisecond of processor time on each connection to a server. */
const SLOWDOWN = `
const connect = Deno.connect;
Deno.connect = ((options: Deno.ConnectOptions) => {
  for (const until = performance.now() + 0.5; performance.now() < until;);
  return connect(options);
}) as typeof Deno.connect;
`;

async function copy(from: string, to: string): Promise<void> {
  if ((await Deno.stat(from)).isFile) return await Deno.copyFile(from, to);
  await Deno.mkdir(to, { recursive: true });
  for await (const { name } of Deno.readDir(from)) await copy(`${from}/${name}`, `${to}/${name}`);
}

async function gate(folder: string): Promise<{ code: number; text: string }> {
  const args = ["run", "--allow-all", "bench/gate/gate.ts", "--only=tcp-connections"];
  const env = { WEIR_PROGRAM: "", NO_COLOR: "1" };
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args, cwd: folder, env }).output();
  return { code, text: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
}

Deno.test("the gate fails a slow copy of Weir, and says what has become slow", async () => {
  const folder = await Deno.makeTempDir({ prefix: "weir-gate-" });
  try {
    await Deno.mkdir(`${folder}/tests/unit`, { recursive: true });
    for (const part of PARTS) await copy(projectPath(part), `${folder}/${part}`);
    const entry = `${folder}/src/worker/entry.ts`;
    await Deno.writeTextFile(entry, SLOWDOWN + await Deno.readTextFile(entry));
    const { code, text } = await gate(folder);
    assert.match(text, /^FAIL tcp-connections: .* measured twice\)$/m);
    assert.equal(code, 1);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
