/** `weir init` on a terminal. @module */

import assert from "node:assert/strict";
import { peerTest } from "../support/peers.ts";
import { weir, weirCommandLine } from "../support/program.ts";

/** Runs `weir init` on a terminal; each time that it asks, the next of `typed` is given. */
async function onTerminal(script: string, folder: string, args: readonly string[], typed: readonly string[]) {
  const command = weirCommandLine(["init", ...args]).map((word) => `'${word}'`).join(" ");
  const child = new Deno.Command(script, {
    args: ["--quiet", "--return", "--command", command, "/dev/null"],
    cwd: folder,
    env: { TERM: "dumb" },
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const writer = child.stdin.getWriter();
  const queue = [...typed];
  const decoder = new TextDecoder();
  let output = "";
  let answered = 0;
  for await (const chunk of child.stdout) {
    output += decoder.decode(chunk, { stream: true });
    const asked = [...output.matchAll(/ \[[^\]\n]*\]*\]: /g)].length;
    for (; answered < asked; answered++) await writer.write(new TextEncoder().encode(queue.shift() ?? "\x04"));
  }
  await writer.close().catch(() => {});
  return { code: (await child.status).code, output, left: queue };
}

async function temporaryFolder() {
  const path = await Deno.makeTempDir({ prefix: "weir-init-" });
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

const exists = (path: string) => Deno.stat(path).then(() => true, () => false);

peerTest("weir init asks on a terminal and writes what was answered", ["script"], async ({ script }) => {
  await using folder = await temporaryFolder();
  const typed = ["10.0.0.300:80\n", "10.0.0.11:80 10.0.0.12:80\n", "\n", "n\n"];
  const { code, output, left } = await onTerminal(script, folder.path, [], typed);
  assert.deepEqual([code, left], [0, []], output);
  assert.match(output, /must be an IPv4 or IPv6 address or a host name, got "10\.0\.0\.300"/);
  assert.match(output, /Wrote weir\.yaml/);
  const text = await Deno.readTextFile(`${folder.path}/weir.yaml`);
  assert.match(text, /address: 10\.0\.0\.11, port: 80.*\n.*address: 10\.0\.0\.12, port: 80/);
  const check = await weir(["check"], { cwd: folder.path });
  assert.deepEqual([check.code, check.stderr], [0, ""]);
});

peerTest("weir init writes nothing when its questions are not all answered", ["script"], async ({ script }) => {
  await using folder = await temporaryFolder();
  const ended = await onTerminal(script, folder.path, [], ["\n", "\x04"]);
  assert.equal(ended.code, 1, ended.output);
  assert.match(ended.output, /was not written/);
  const broken = await onTerminal(script, folder.path, [], ["\n", "\x03"]);
  assert.notEqual(broken.code, 0, broken.output);
  assert.equal(await exists(`${folder.path}/weir.yaml`), false);
});

peerTest(
  "weir init asks nothing with --yes, and before all says that a file is there",
  ["script"],
  async (programs) => {
    await using folder = await temporaryFolder();
    const made = await onTerminal(programs.script, folder.path, ["--yes"], []);
    assert.equal(made.code, 0, made.output);
    assert.equal(
      await Deno.readTextFile(`${folder.path}/weir.yaml`),
      (await weir(["init", "--stdout"])).stdout,
    );
    const again = await onTerminal(programs.script, folder.path, [], []);
    assert.equal(again.code, 1);
    assert.match(again.output, /^weir: Cannot write weir\.yaml: it is there already; edit it, or see/);
  },
);
