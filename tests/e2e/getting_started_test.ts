/** The page for beginners, done word for word, with ports that are free. @module */

import assert from "node:assert/strict";
import { shownAll } from "../support/documentation.ts";
import { peerTest, run } from "../support/peers.ts";
import { freePort } from "../support/ports.ts";
import { shellFolder } from "../support/shells.ts";

peerTest("docs/getting-started.md works as it stands", ["bash", "python3", "curl", "openssl"], async ({ bash }) => {
  const blocks = shownAll("docs/getting-started.md", "sh");
  await using folder = await shellFolder();
  const ports = new Map([8000, 8080, 8081, 8443, 9900].map((port) => [String(port), String(freePort())]));
  const moved = (text: string) => text.replaceAll(/\b(8000|8080|8081|8443|9900)\b/g, (port) => ports.get(port) ?? port);
  // The ports of the configuration that is written are moved as soon as it is there; job control is as in a terminal.
  const script = `set -em
moved() { sed -i ${[...ports].map(([from, to]) => `-e 's/\\b${from}\\b/${to}/'`).join(" ")} weir.yaml; }
trap 'kill $(jobs -p) 2> /dev/null || :' EXIT
${blocks.map((text) => moved(text).replace("weir init --yes\n", "weir init --yes\nmoved\n")).join("\necho ---\n")}`;
  const { code, stdout, stderr } = await run(bash, ["-c", script], {
    cwd: folder.path,
    env: { ...folder.env, WEIR_ADMIN: `127.0.0.1:${ports.get("9900")}`, NO_COLOR: "1" },
  });
  const log = await Deno.readTextFile(`${folder.path}/weir-try/weir.log`).catch(() => "");
  assert.equal(code, 0, `${stdout}\n${stderr}\n${log}`);
  const parts = stdout.split("---\n");
  assert.match(parts[1] ?? "", /is valid: 1 listener, 1 backend group/);
  assert.match(parts[2] ?? "", /^Hello from (one|two)\nHello from (?!\1)(one|two)\nWeir .*ready/);
  assert.match(parts[3] ?? "", /^update listener "front" \(pool\)\n$/);
  assert.match(parts[4] ?? "", /takes nothing new.*\nHello from one\n.*takes new connections/);
  assert.match(parts[5] ?? "", /^start listener "front-tls"\n(?:.*\n)*Hello from (one|two)\n$/);
  assert.match(log, /Stopped/);
});
