/** README.md done word for word, with ports that are free. @module */

import assert from "node:assert/strict";
import { parse } from "yaml";
import { issue } from "../support/authority.ts";
import { alike, movedTo, shown } from "../support/documentation.ts";
import { peerTest } from "../support/peers.ts";
import { freePort } from "../support/ports.ts";
import { projectPath, RunningWeir, weir } from "../support/program.ts";
import { httpServer } from "../support/servers.ts";
import { runShown, shellFolder } from "../support/shells.ts";
import { until } from "../support/wait.ts";

const DEMOS = [shown("README.md", "weir demo"), shown("README.md", "npx -y deno@2.9.6 task demo")];

for (const demo of DEMOS) {
  peerTest(`README.md: ${demo.split(" #")[0]?.trim()}, and what to ask in another terminal`, ["bash", "curl"], async ({
    bash,
  }) => {
    await using folder = await shellFolder();
    // In CI npx would take this Deno from the registry.
    await Deno.writeTextFile(`${folder.path}/bin/npx`, `#!/bin/sh\nshift 2\nexec '${Deno.execPath()}' "$@"\n`, {
      mode: 0o755,
    });
    const child = new Deno.Command(bash, {
      args: ["-c", `exec ${demo}`],
      cwd: projectPath(""),
      env: folder.env,
      stdin: "null",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    let told = "";
    const reading = (async () => {
      const decoder = new TextDecoder();
      for await (const bytes of child.stdout) told += decoder.decode(bytes, { stream: true });
    })();
    try {
      await until("the demo has told everything", () => told.includes("Ctrl-C stops it"), 60);
      const port = (pattern: RegExp) => Number(pattern.exec(told)?.[1]);
      const moved = movedTo({
        8000: port(/curl http:\S+?:(\d+)\/ /),
        9000: port(/curl -k https:\S+?:(\d+)\//),
        9900: port(/in a browser: http:\S+?:(\d+)\//),
      });
      const answers = await runShown(bash, folder, moved(shown("README.md", "curl http://127.0.0.1:8000/")));
      assert.match(answers, /^Hello from server (one|two|three)\nHello from server (one|two|three)\n\{"listeners":/);
    } finally {
      child.kill("SIGINT");
      await child.status;
      await reading;
    }
  });
}

peerTest("README.md: the first steps with the executable", ["bash", "curl"], async ({ bash }) => {
  await using folder = await shellFolder();
  const text = shown("README.md", "weir init ");
  const elsewhere = /^weir run +# in another terminal: (weir status)$/m;
  assert.match(text, elsewhere);
  const [port, admin] = [freePort(), freePort()];
  const ready = `http://127.0.0.1:${admin}/readyz`;
  const script = text.replace(/^weir check/m, `sed -i 's/\\b8000\\b/${port}/; s/\\b9900\\b/${admin}/' weir.yaml\n$&`)
    .replace(
      elsewhere,
      `weir run 2> log & trap "kill $!; wait" EXIT
curl --silent --output ready --retry 60 --retry-delay 1 --retry-all-errors --retry-connrefused ${ready}
$1`,
    );
  const told = await runShown(bash, folder, script, { WEIR_ADMIN: `127.0.0.1:${admin}` });
  assert.match(
    told,
    /Wrote weir\.yaml[\s\S]*is valid: 1 listener, 1 backend group\nWeir .*, ready, configuration weir/,
  );
});

Deno.test("README.md: the larger configuration, and what weir status says of it", async () => {
  const ports = { 80: freePort("127.0.0.11"), 443: freePort() };
  const [first, second, spare] = ["127.0.0.11", "127.0.0.12", "127.0.0.13"];
  await using _first = httpServer("a", { hostname: first, port: ports[80] });
  await using _second = httpServer("b", { hostname: second, port: ports[80] });
  await using _spare = httpServer("c", { hostname: spare, port: ports[80] });
  const { certPem, keyPem } = await issue({ name: "www.example.com", hosts: ["www.example.com"] });
  const text = movedTo(ports)(shown("README.md", "backendGroups:\n")).replace("app.internal", second)
    .replaceAll("certs/", "");
  const { listeners: [web, ...rest], ...config } = parse(text);
  // The servers have the port on addresses of their own, the listener must have another one.
  await using running = await RunningWeir.start(
    { ...config, listeners: [{ ...web, port: freePort() }, ...rest] },
    { files: { "www.pem": certPem, "www.key": keyPem } },
  );
  await until("all servers are Healthy", async () => {
    const listeners = await Promise.all(["web", "web-tls"].map((name) => running.listener(name)));
    return listeners.every(({ servers }) => servers.every(({ health }) => health === "Healthy"));
  });
  const { stdout } = await weir(["status", "--admin", `127.0.0.1:${running.adminPort}`], { cwd: running.folder });
  const told = alike(stdout.replace(running.file, "weir.yaml").replaceAll(second, "10.0.0.12"));
  assert.deepEqual(told, alike(shown("README.md", "Weir 0.1.0, up")));
});
