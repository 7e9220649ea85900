/** `weir convert` beside HAProxy itself: it takes the same files, and does the same with them. @module */

import assert from "node:assert/strict";
import { CASE_FILE, readConvertCases } from "../convert/cases.ts";
import { issue } from "../support/authority.ts";
import { connectTls, type TestCertificate, testCertificate } from "../support/certificates.ts";
import { shown } from "../support/documentation.ts";
import { peerTest, run } from "../support/peers.ts";
import { freePort } from "../support/ports.ts";
import { startServer } from "../support/processes.ts";
import { RunningWeir, weir } from "../support/program.ts";
import { httpServer, readAll, writeAll } from "../support/servers.ts";

const CASES = readConvertCases();

async function temporaryFolder() {
  const path = await Deno.makeTempDir({ prefix: "weir-convert-" });
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

/** The configuration of HAProxy that the documentation shows. */
const SIDE_BY_SIDE = shown("docs/coming-from.md", "global\n");

peerTest("HAProxy takes every configuration that is translated in the cases", ["haproxy"], async ({ haproxy }) => {
  await using folder = await temporaryFolder();
  const { certPem, keyPem } = await testCertificate();
  const authority = await issue({ name: "CA", ca: true });
  await Deno.mkdir(`${folder.path}/ca`);
  for (const name of ["www.pem", "other.pem"]) await Deno.writeTextFile(`${folder.path}/${name}`, certPem + keyPem);
  for (const name of ["clients.pem", "servers.pem"]) {
    await Deno.writeTextFile(`${folder.path}/ca/${name}`, authority.certPem);
  }
  for (const { name, text, yaml } of CASES) {
    if (yaml === undefined) continue;
    const file = `${folder.path}/${name}.cfg`;
    await Deno.writeTextFile(file, text.replaceAll(/\/etc\/ssl|\/srv/g, folder.path));
    const { code, stderr } = await run(haproxy, ["-c", "-f", file]);
    assert.equal(code, 0, `${name}: ${stderr}`);
  }
});

peerTest("nginx takes the configuration that the documentation shows", ["nginx"], async ({ nginx }) => {
  await using folder = await temporaryFolder();
  const block = shown("docs/coming-from.md", "events {}");
  const { certPem, keyPem } = await testCertificate();
  for (const [name, content] of [["www.pem", certPem], ["www.key", keyPem], ["ca.pem", certPem]] as const) {
    await Deno.writeTextFile(`${folder.path}/${name}`, content, { mode: 0o600 });
  }
  const module = "/usr/lib/nginx/modules/ngx_stream_module.so";
  const isModule = await Deno.stat(module).then(() => true, () => false);
  const file = `${folder.path}/nginx.conf`;
  await Deno.writeTextFile(
    file,
    `${isModule ? `load_module ${module};\n` : ""}pid ${folder.path}/pid;\nerror_log stderr;\n` +
      block.replaceAll("/etc/ssl", folder.path).replaceAll("listen 8000", `listen 127.0.0.1:${freePort()}`)
        .replaceAll("listen 8443", `listen 127.0.0.1:${freePort()}`),
  );
  const { code, stderr } = await run(nginx, ["-t", "-p", folder.path, "-c", file, "-e", "stderr"]);
  assert.equal(code, 0, stderr);
});

/** Answers over a number of connections, sorted. */
async function countAnswers(times: number, ask: () => Promise<string>): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (let time = 0; time < times; time++) {
    const answer = await ask();
    counts[answer] = (counts[answer] ?? 0) + 1;
  }
  return counts;
}

const overHttp = (port: number) => async () =>
  await (await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: "close" } })).text();

const overTls = (port: number, certificate: TestCertificate) => async () => {
  const connection = await connectTls(port, certificate);
  try {
    await writeAll(connection, new TextEncoder().encode("GET / HTTP/1.0\r\n\r\n"));
    return new TextDecoder().decode(await readAll(connection)).split("\r\n\r\n")[1] ?? "";
  } finally {
    connection.close();
  }
};

peerTest(
  "HAProxy and Weir do the same with the configuration that the documentation shows",
  ["haproxy", "curl"],
  async ({ haproxy, curl }) => {
    await using first = httpServer("a");
    await using second = httpServer("b");
    await using spare = httpServer("c");
    await using input = await temporaryFolder();
    const certificate = await testCertificate();
    const pem = `${input.path}/www.pem`;
    await Deno.writeTextFile(pem, certificate.certPem + certificate.keyPem, { mode: 0o600 });
    const configure = async (folder: string, port: number, tlsPort: number) => {
      const text = SIDE_BY_SIDE
        .replaceAll("/run/haproxy", folder).replaceAll("/etc/ssl/www.pem", pem)
        .replaceAll(":8000", `127.0.0.1:${port}`).replaceAll(":8443", `127.0.0.1:${tlsPort}`)
        .replaceAll("198.51.100.7", "127.0.0.2").replaceAll("10.0.0.11:80", `127.0.0.1:${first.port}`)
        .replaceAll("10.0.0.12:80", `127.0.0.1:${second.port}`).replaceAll("10.0.0.13:80", `127.0.0.1:${spare.port}`);
      await Deno.writeTextFile(`${folder}/${CASE_FILE}`, text);
      return `${folder}/${CASE_FILE}`;
    };
    const answersOn = async (port: number, tlsPort: number) => ({
      tcp: await countAnswers(30, overHttp(port)),
      tls: await countAnswers(30, overTls(tlsPort, certificate)),
      keptOut: (await run(curl, ["--silent", "--interface", "127.0.0.2", `http://127.0.0.1:${port}/`])).stdout,
      letIn: (await run(curl, ["--silent", "--interface", "127.0.0.3", `http://127.0.0.1:${port}/`])).stdout !== "",
    });

    const [port, tlsPort, ownPort, ownTlsPort] = [freePort(), freePort(), freePort(), freePort()];
    const folder = await Deno.makeTempDir({ prefix: "weir-haproxy-" });
    const file = await configure(folder, port, tlsPort);
    await using _haproxy = await startServer([haproxy, "-db", "-f", file], port, folder);
    const expected = await answersOn(port, tlsPort);

    const own = await configure(input.path, ownPort, ownTlsPort);
    const { code, stdout, stderr } = await weir(["convert", own, "--json"]);
    assert.equal(code, 0, stderr);
    const { config } = JSON.parse(stdout);
    await using _weir = await RunningWeir.start(config);
    const answers = await answersOn(ownPort, ownTlsPort);

    assert.deepEqual(answers, expected);
    assert.deepEqual(answers.tcp, { a: 20, b: 10 });
    assert.deepEqual([answers.keptOut, answers.letIn], ["", true]);
  },
);

Deno.test("weir convert writes YAML that weir check takes, and says on standard error what it left", async () => {
  await using folder = await temporaryFolder();
  const cwd = folder.path;
  const text = SIDE_BY_SIDE.replaceAll("/etc/ssl/www.pem", "www.pem");
  const { certPem, keyPem } = await testCertificate();
  await Deno.writeTextFile(`${cwd}/www.pem`, certPem + keyPem, { mode: 0o600 });
  await Deno.writeTextFile(`${cwd}/${CASE_FILE}`, text);

  const printed = await weir(["convert", CASE_FILE], { cwd });
  assert.equal(printed.code, 0);
  const said = printed.stderr.trimEnd().split("\n");
  assert.ok(said.length > 0 && said.every((line) => /^haproxy\.cfg:\d+: /.test(line)), printed.stderr);

  const written = await weir(["convert", CASE_FILE, "-o", "weir.yaml"], { cwd });
  assert.equal(written.code, 0, written.stderr);
  assert.equal(written.stderr, printed.stderr);
  assert.equal(await Deno.readTextFile(`${cwd}/weir.yaml`), printed.stdout);
  const check = await weir(["check"], { cwd });
  assert.deepEqual([check.code, check.stderr], [0, ""]);
  assert.match(check.stdout, /is valid: 2 listeners, 1 backend group/);

  await Deno.writeTextFile(`${cwd}/weir.yaml`, "mine\n");
  const again = await weir(["convert", CASE_FILE, "-o", "weir.yaml"], { cwd });
  assert.deepEqual([again.code, again.stdout], [1, ""]);
  assert.equal(again.stderr, "weir: Cannot write weir.yaml: it is there already, and is left alone\n");
  assert.equal(await Deno.readTextFile(`${cwd}/weir.yaml`), "mine\n");

  const json = JSON.parse((await weir(["convert", CASE_FILE, "--json"], { cwd })).stdout);
  assert.deepEqual([json.file, json.output, json.yaml], [CASE_FILE, null, printed.stdout]);
  assert.equal(json.remarks.length, said.length);
});

Deno.test("weir convert says in one line what is wrong with a file", async () => {
  await using folder = await temporaryFolder();
  const cwd = folder.path;
  await Deno.writeTextFile(`${cwd}/nginx.conf`, "stream {\n}\n");
  await Deno.writeTextFile(`${cwd}/early.cfg`, "\nbind :80\nlisten x\n");
  await Deno.writeTextFile(`${cwd}/good.cfg`, "backend x\n");
  await Deno.writeFile(`${cwd}/binary`, Uint8Array.of(0xff, 0xfe, 0, 1));
  const cases: readonly (readonly [args: readonly string[], code: number, says: RegExp])[] = [
    [[], 2, /^weir: "weir convert" needs a file: weir convert haproxy\.cfg\n$/],
    [["a", "b"], 2, /^weir: "weir convert" does not take "b"\n$/],
    [["none.cfg"], 1, /^weir: Cannot read none\.cfg: no such file\n$/],
    [["."], 1, /^weir: Cannot read \.: it is a directory\n$/],
    [["nginx.conf"], 1, /^weir: nginx\.conf:1: there is no section .*\n$/],
    [["good.cfg", "-o", "nowhere/weir.yaml"], 1, /^weir: Cannot write nowhere\/weir\.yaml: its folder is not there\n$/],
    [["early.cfg"], 1, /^weir: early\.cfg:2: "bind" stands in no section\n$/],
    [["binary"], 1, /^weir: binary:1: there is no section .*\n$/],
  ];
  for (const [args, code, says] of cases) {
    const result = await weir(["convert", ...args], { cwd });
    assert.equal(result.code, code, args.join(" "));
    assert.equal(result.stdout, "");
    assert.match(result.stderr, says);
  }
});
