/** Completion in the real shells, and the manual page before its own checkers. @module */

import assert from "node:assert/strict";
import { backends, listener } from "../support/configs.ts";
import { peerTest, run } from "../support/peers.ts";
import { freePort } from "../support/ports.ts";
import { projectPath, RunningWeir, weir } from "../support/program.ts";
import { completeInBash, completeInFish, completeInZsh, type ShellFolder, shellFolder } from "../support/shells.ts";

/** Every command that the help knows. */
const { stdout: overview } = await weir(["help"]);
const COMMANDS = [...(overview.split(/^Commands.*:$/m)[1]?.split("\n\n")[0] ?? "").matchAll(/^ {2}(\w+) /gm)]
  .map((match) => match[1] ?? "").sort();

const CONFIG_FILES = ["a.yaml", "b.json", "folder", "with blank.yml"];

/** What is typed before Tab, and what is offered. */
const CASES: readonly (readonly [line: string, offered: readonly string[]])[] = [
  ["weir ", COMMANDS],
  ["weir dr", ["drain"]],
  ["weir nothing-like-it", []],
  ["weir help co", ["completion", "convert"]],
  ["weir help ", COMMANDS],
  ["weir completion ", ["bash", "fish", "zsh"]],
  ["weir completion bash ", []],
  ["weir check -c ", CONFIG_FILES],
  ["weir check --config ", CONFIG_FILES],
  ["weir check --config=", CONFIG_FILES],
  ["weir check --config=a", ["a.yaml"]],
  ["weir -c ", CONFIG_FILES],
  ["weir -c a", ["a.yaml"]],
  ["weir check -c folder/", ["folder/d.yaml"]],
  ["weir top --sort ", ["active", "name", "new", "traffic"]],
  ["weir top --sort=n", ["name", "new"]],
  ["weir top --interval 2 --sort t", ["traffic"]],
  ["weir status --js", ["--json"]],
  ["weir check --js", ["--json"]],
  ["weir convert -o ", CONFIG_FILES.filter((name) => name !== "b.json")],
  ["weir drain --re", ["--resume"]],
  ["weir run --js", []],
  ["weir version ", []],
];

/** zsh offers flags where nothing else fits: that is as good as nothing. A shell says `--config=a.yaml` or `a.yaml`, `folder/` or `folder`, and a path in full or its last part. */
function plain(words: readonly string[], line: string): string[] {
  const asksForFlag = /(^| )-[^ =]*$/.test(line);
  return words.filter((word) => asksForFlag || !/^--?[a-z]+$/.test(word)).map((word) => {
    const value = word.replace(/^--[a-z]+=/, "").replace(/\/$/, "");
    return line.endsWith("folder/") && !value.startsWith("folder/") ? `folder/${value}` : value;
  }).sort();
}

type Complete = (folder: ShellFolder, lines: readonly string[]) => Promise<string[][]>;

async function checkShell(complete: Complete): Promise<void> {
  await using folder = await shellFolder();
  const answers = await complete(folder, CASES.map(([line]) => line));
  assert.equal(answers.length, CASES.length);
  const found = CASES.map(([line], index) => [line, plain(answers[index] ?? [], line)]);
  assert.deepEqual(found, CASES.map(([line, offered]) => [line, [...offered]]));
}

/** What the running Weir has: its listeners, and the servers of the one that is named. */
async function checkRunning(complete: Complete): Promise<void> {
  await using folder = await shellFolder();
  const [port, otherPort] = [freePort(), freePort()];
  const listeners = [
    listener(port, backends([{ port: 8081 }, { port: 8082 }])),
    { ...listener(otherPort, backends([{ port: 9091 }])), name: "other" },
  ];
  await using running = await RunningWeir.start({ listeners, admin: { token: "a secret" } });
  const admin = `--admin 127.0.0.1:${running.adminPort}`;
  const asked: readonly (readonly [line: string, offered: readonly string[]])[] = [
    [`weir drain ${admin} --token="a secret" `, ["other", "web"]],
    [`weir drain ${admin} --token "a secret" w`, ["web"]],
    [`weir drain ${admin} --token="a secret" web `, ["127.0.0.1:8081", "127.0.0.1:8082"]],
    [`weir drain ${admin} --token="a secret" other --wait 5 `, ["127.0.0.1:9091"]],
    [`weir drain ${admin} --token="a secret" web 127.0.0.1:8082 `, []],
    [`weir drain ${admin} --token=wrong `, []],
    [`weir drain --admin 127.0.0.1:${freePort()} `, []],
  ];
  const answers = await complete(folder, asked.map(([line]) => line));
  const found = answers.map((words, index) => plain(words, asked[index]?.[0] ?? ""));
  assert.deepEqual(found, asked.map(([, offered]) => offered));
}

peerTest("completion in bash", ["bash", "script"], (programs) => {
  return checkShell((folder, lines) => completeInBash(programs, folder, lines));
});

peerTest("completion in bash offers what the running Weir has", ["bash", "script"], (programs) => {
  return checkRunning((folder, lines) => completeInBash(programs, folder, lines));
});

peerTest("completion in bash goes on behind a colon", ["bash", "script"], async (programs) => {
  await using folder = await shellFolder();
  await using running = await RunningWeir.start({
    listeners: [listener(freePort(), backends([{ port: 8081 }, { port: 9082 }]))],
  });
  const line = `weir drain --admin 127.0.0.1:${running.adminPort} web 127.0.0.1:9`;
  const [words] = await completeInBash(programs, folder, [line]);
  assert.deepEqual(words, ["127.0.0.1:9082"]);
});

peerTest("completion in zsh", ["zsh", "script"], (programs) => {
  return checkShell((folder, lines) => completeInZsh(programs, folder, lines));
});

peerTest("completion in zsh offers what the running Weir has", ["zsh", "script"], (programs) => {
  return checkRunning((folder, lines) => completeInZsh(programs, folder, lines));
});

peerTest("completion in fish", ["fish"], (programs) => {
  return checkShell((folder, lines) => completeInFish(programs, folder, lines));
});

peerTest("completion in fish offers what the running Weir has", ["fish"], (programs) => {
  return checkRunning((folder, lines) => completeInFish(programs, folder, lines));
});

peerTest("the completion script of bash draws no warning", ["shellcheck"], async ({ shellcheck }) => {
  await using folder = await shellFolder();
  const file = `${folder.path}/weir.bash`;
  await Deno.writeTextFile(file, (await weir(["completion", "bash"])).stdout);
  assert.deepEqual(await run(shellcheck, ["--shell", "bash", file]), { code: 0, stdout: "", stderr: "" });
});

Deno.test("weir completion without a shell, or with one that it does not know, says which there are", async () => {
  const none = await weir(["completion"]);
  assert.deepEqual([none.code, none.stdout], [2, ""]);
  assert.equal(none.stderr, 'weir: "weir completion" needs a shell: bash, zsh, fish\n');
  const wrong = await weir(["completion", "zhs"]);
  assert.equal(wrong.code, 2);
  assert.equal(wrong.stderr, 'weir: "weir completion" knows bash, zsh, fish, got "zhs" (did you mean "zsh"?)\n');
});

peerTest("the manual page is right for those who judge them", ["mandoc", "groff"], async ({ mandoc, groff }) => {
  const page = projectPath("docs/weir.1");
  assert.deepEqual(await run(mandoc, ["-Tlint", page]), { code: 0, stdout: "", stderr: "" });
  const { code, stderr } = await run(groff, ["-man", "-Tutf8", "-ww", page]);
  assert.deepEqual([code, stderr], [0, ""]);
  const source = await Deno.readTextFile(page);
  for (const command of COMMANDS) assert.ok(source.includes(`.SS "weir ${command}"`), command);
});
