/** The Dockerfile, the Kubernetes manifests and the keepalived example before those who judge them. @module */

import assert from "node:assert/strict";
import { parse, parseAllDocuments } from "yaml";
import { errorsIn } from "../config/load_text.ts";
import { peerTest, run } from "../support/peers.ts";
import { projectPath } from "../support/program.ts";
import { temporaryFolder } from "./built.ts";

const MANIFESTS = [...Deno.readDirSync(projectPath("packaging/kubernetes"))].map(({ name }) => name).sort();

const read = (name: string) => Deno.readTextFileSync(projectPath(`packaging/kubernetes/${name}`));

/** Validates each object by the schema of its kind; prints what is wrong, a line each. */
const JUDGE = `import { readFileSync } from "node:fs";
const folders = { "v1": "kubernetes-models/v1", "monitoring.coreos.com/v1": "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1" };
for (const object of JSON.parse(readFileSync(0, "utf8"))) {
  const models = await import(folders[object.apiVersion] ?? "kubernetes-models/" + object.apiVersion);
  try { new models[object.kind](object).validate(); } catch (error) { console.log(object.kind + ": " + error.message); }
}
`;

/** What the validator of editors' Docker extensions says of a Dockerfile, each thing that it can look at as an error. */
const VALIDATE = `import { readFileSync } from "node:fs";
import utils from "dockerfile-utils";
const rules = ["deprecatedMaintainer", "directiveCasing", "emptyContinuationLine", "instructionCasing",
  "instructionCmdMultiple", "instructionEntrypointMultiple", "instructionHealthcheckMultiple",
  "instructionJSONInSingleQuotes", "instructionWorkdirRelative"];
const settings = Object.fromEntries(rules.map((rule) => [rule, utils.ValidationSeverity.ERROR]));
for (const { message } of utils.validate(readFileSync("Dockerfile", "utf8"), settings)) console.log(message);
`;

peerTest("Dockerfile and manifests are right for their schemas and linters", ["node", "npm"], async ({ node, npm }) => {
  await using folder = await temporaryFolder();
  const packages = [
    "kubernetes-models@5.1.0",
    "@kubernetes-models/prometheus-operator@6.0.0",
    "dockerfilelint@1.8.0",
    "dockerfile-utils@0.16.3",
  ];
  const got = await run(npm, ["install", "--silent", "--ignore-scripts", "--no-audit", "--no-fund", ...packages], {
    cwd: folder.path,
  });
  assert.equal(got.code, 0, got.stderr);

  const lint = await run(node, [
    "node_modules/dockerfilelint/bin/dockerfilelint",
    "-o",
    "json",
    projectPath("packaging/docker/Dockerfile"),
  ], {
    cwd: folder.path,
  });
  assert.equal((JSON.parse(lint.stdout) as { totalIssues: number }).totalIssues, 0, lint.stdout);

  await Deno.writeTextFile(`${folder.path}/validate.mjs`, VALIDATE);
  const validate = async (text: string) => {
    await Deno.writeTextFile(`${folder.path}/Dockerfile`, text);
    return (await run(node, ["validate.mjs"], { cwd: folder.path })).stdout;
  };
  const dockerfile = await Deno.readTextFile(projectPath("packaging/docker/Dockerfile"));
  assert.equal(await validate(dockerfile), "");
  assert.match(await validate(dockerfile.replace("/src/weir\n", "weir\n")), /^WORKDIR paths should be absolute/);

  await Deno.writeTextFile(`${folder.path}/judge.mjs`, JUDGE);
  const judge = async (objects: readonly unknown[]) => {
    const child = new Deno.Command(node, { args: ["judge.mjs"], cwd: folder.path, stdin: "piped", stdout: "piped" })
      .spawn();
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(JSON.stringify(objects)));
    await writer.close();
    const { code, stdout } = await child.output();
    assert.equal(code, 0);
    return new TextDecoder().decode(stdout);
  };
  const objects = MANIFESTS.flatMap((name) => parseAllDocuments(read(name)).map((document) => document.toJS({})));
  assert.deepEqual(
    objects.map(({ kind }: { kind: string }) => kind).sort(),
    ["ConfigMap", "DaemonSet", "Deployment", "PodDisruptionBudget", "Service", "Service", "ServiceMonitor"],
  );
  assert.equal(await judge(objects), "");
  // It does find something where something is wrong.
  const [wrong] = parseAllDocuments(read("deployment.yaml").replace("replicas: 2", "replicas: two"));
  assert.match(await judge([wrong?.toJS()]), /^Deployment: .*replicas/);
});

Deno.test("the ConfigMap holds a valid configuration", () => {
  const { data } = parse(read("configmap.yaml")) as { data: Record<string, string> };
  assert.deepEqual(Object.keys(data), ["weir.yaml"]);
  assert.deepEqual(errorsIn(data["weir.yaml"] ?? "", { environment: { WEIR_ADMIN_TOKEN: "secret" } }), []);
});

Deno.test("pods have more time to end than the ConfigMap's configuration may take", () => {
  const { data } = parse(read("configmap.yaml")) as { data: Record<string, string> };
  const { shutdown } = parse(data["weir.yaml"] ?? "") as { shutdown: { graceTime: number; drainTimeout: number } };
  for (const name of ["deployment.yaml", "daemonset.yaml"]) {
    const seconds = Number(/terminationGracePeriodSeconds: (\d+)/.exec(read(name))?.[1]);
    assert.ok(seconds >= shutdown.graceTime + shutdown.drainTimeout + 10, name);
  }
});

peerTest("keepalived takes the example", ["keepalived"], async ({ keepalived }) => {
  await using folder = await temporaryFolder();
  const example = await Deno.readTextFile(projectPath("packaging/keepalived/keepalived.conf"));
  const test = async (text: string) => {
    const file = `${folder.path}/keepalived.conf`;
    // In its test mode this keepalived kills itself when a script's user is not its own; and no Weir is installed.
    await Deno.writeTextFile(
      file,
      text.replace("script_user nobody", "script_user root").replace("/usr/bin/weir", "/bin/true"),
    );
    return await run(keepalived, ["--config-test", "--use-file", file, "--log-console"]);
  };
  assert.equal((await test(example)).code, 0);
  assert.notEqual((await test(example.replace("virtual_router_id 51", "virtual_router_id 451"))).code, 0);
});
