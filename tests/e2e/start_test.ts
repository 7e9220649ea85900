/** Starting, and refusing to start with one clear line. @module */

import assert from "node:assert/strict";
import { CERTIFICATE_STORE, certificateFiles, overTls, testCertificate } from "../support/certificates.ts";
import { backends, listener, type Settings } from "../support/configs.ts";
import { peerTest, run } from "../support/peers.ts";
import { freePort } from "../support/ports.ts";
import { anyPort, noSetpriv, weirWithout } from "../support/privileges.ts";
import { type Finished, RunningWeir, weir, weirCommand } from "../support/program.ts";
import { nameServer, readName } from "../support/servers.ts";
import { until } from "../support/wait.ts";

/** For documentation only (RFC 5737): no machine has it. */
const NOT_HERE = "192.0.2.1";

/** A configuration on disk, in a folder of its own. */
async function configured(config: Settings, files: Record<string, string> = {}) {
  const folder = await Deno.makeTempDir({ prefix: "weir-test-" });
  const file = `${folder}/weir.yaml`;
  for (const [name, content] of Object.entries({ ...files, "weir.yaml": JSON.stringify(config) })) {
    await Deno.writeTextFile(`${folder}/${name}`, content, { mode: 0o600 });
  }
  return { folder, file, [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }) };
}

/** Fails unless a start ended with exit code 1, nothing on stdout and one line on stderr. @returns the line */
function oneLine({ code, stdout, stderr }: Finished, wantedCode = 1): string {
  assert.deepEqual([code, stdout], [wantedCode, ""], stderr);
  assert.equal(stderr.trimEnd().split("\n").length, 1, stderr);
  return stderr.trimEnd();
}

Deno.test("a port that is in use: one line that names the listener and the port, exit 1", async () => {
  await using server = nameServer("squatter");
  const certificate = await testCertificate();
  for (const settings of [{}, overTls()]) {
    await using config = await configured({
      admin: { listen: "off" },
      certificates: CERTIFICATE_STORE,
      listeners: [listener(server.port, backends([freePort()]), settings)],
    }, certificateFiles(certificate));
    const line = oneLine(await weir(["run", "-c", config.file]));
    const wanted = `Listener "web": Cannot listen on 127.0.0.1:${server.port}: the port is in use by another program; `;
    assert.ok(line.startsWith(`weir: ${wanted}`), line);
  }
  assert.equal(await readName(server.port), "squatter");
});

Deno.test("a second Weir cannot have the ports of the first, neither for TCP nor for TCP_SSL", async () => {
  await using server = nameServer("served");
  const files = certificateFiles(await testCertificate());
  for (const settings of [{}, overTls()]) {
    const port = freePort();
    const config = {
      certificates: CERTIFICATE_STORE,
      listeners: [listener(port, backends([server.port]), settings)],
    };
    await using running = await RunningWeir.start(config, { files });
    assert.match(oneLine(await weir(["run", "-c", running.file])), /the port is in use by another program;/);
    await using second = await configured({ ...config, admin: { listen: "off" } }, files);
    const line = oneLine(await weir(["run", "-c", second.file]));
    assert.match(line, /^weir: Listener "web": .* in use by another program;/);
    assert.ok(line.includes(`127.0.0.1:${port}`), line);
    assert.equal((await running.admin("/readyz")).status, 200, "the first one does not mind");
  }
});

Deno.test("the admin API's port is in use: one line, exit 1", async () => {
  await using server = nameServer("squatter");
  await using config = await configured({ admin: { listen: `127.0.0.1:${server.port}` }, listeners: [] });
  const { code, stderr } = await weir(["run", "-c", config.file]);
  assert.equal(code, 1);
  assert.ok(stderr.includes(`The admin API cannot listen on 127.0.0.1:${server.port}: the port is in use`), stderr);
});

Deno.test("an address that this machine does not have: one line that says so, exit 1; by reload 422, and the old serves on", async () => {
  await using server = nameServer("served");
  const files = certificateFiles(await testCertificate());
  const [port, free] = [freePort(), freePort()];
  const web = listener(port, backends([server.port]));
  await using running = await RunningWeir.start({ certificates: CERTIFICATE_STORE, listeners: [web] }, { files });
  for (const settings of [{}, overTls()]) {
    const elsewhere = listener(free, backends([server.port]), { ...settings, name: "far", address: NOT_HERE });
    const next = { certificates: CERTIFICATE_STORE, listeners: [{ ...web, description: "never taken up" }, elsewhere] };
    const wanted = `Listener "far": Cannot listen on ${NOT_HERE}:${free}: this machine has no address ${NOT_HERE}`;
    await using config = await configured({ ...next, admin: { listen: "off" }, listeners: [elsewhere] }, files);
    assert.equal(oneLine(await weir(["run", "-c", config.file])), `weir: ${wanted}`);

    const { status, body } = await running.reload(next);
    assert.deepEqual(
      [status, (body as { detail: string }).detail],
      [422, `${wanted}; the old configuration serves on`],
    );
    assert.equal(await readName(port), "served");
    const { body: shown } = await running.admin("/v1/listeners/web");
    assert.equal((shown as { description: string }).description, "");
    assert.equal((await running.admin("/v1/listeners/far")).status, 404);
  }
});

Deno.test({
  name: `no permission for port 443: one line that says what to do, exit 1${noSetpriv || anyPort}`,
  ignore: (noSetpriv || anyPort) !== "",
  fn: async () => {
    const files = certificateFiles(await testCertificate());
    for (const settings of [{}, overTls()]) {
      await using config = await configured({
        admin: { listen: "off" },
        certificates: CERTIFICATE_STORE,
        listeners: [listener(443, backends([freePort()]), settings)],
      }, files);
      const line = oneLine(await weirWithout(["net_bind_service"], ["run", "-c", config.file]));
      assert.match(
        line,
        /^weir: Listener "web": Cannot listen on 127\.0\.0\.1:443: no permission for ports below 1024/,
      );
    }
  },
});

Deno.test("a certificate that is missing: its path in the file and on disk are named, exit 3", async () => {
  await using config = await configured({
    certificates: CERTIFICATE_STORE,
    listeners: [listener(freePort(), backends([freePort()]), overTls())],
  }, { "www.pem": (await testCertificate()).certPem });
  const line = oneLine(await weir(["run", "-c", config.file]), 3);
  assert.match(line, /weir\.yaml:\d+:\d+ certificates\.www\.keyFile: cannot read "www\.key": no such file;/);
});

Deno.test({
  name: `a key that may not be read: its path is named, exit 3${noSetpriv}`,
  ignore: noSetpriv !== "",
  fn: async () => {
    await using config = await configured({
      certificates: CERTIFICATE_STORE,
      listeners: [listener(freePort(), backends([freePort()]), overTls())],
    }, certificateFiles(await testCertificate()));
    await Deno.chmod(`${config.folder}/www.key`, 0);
    const line = oneLine(await weirWithout(["dac_override", "dac_read_search"], ["run", "-c", config.file]), 3);
    assert.match(line, /certificates\.www\.keyFile: cannot read "www\.key": permission denied;/);
  },
});

Deno.test("a configuration that is missing: one line, exit 1", async () => {
  const line = oneLine(await weir(["run", "-c", "/nonexistent/weir.yaml"]));
  assert.match(line, /^weir: Cannot read the configuration "\/nonexistent\/weir\.yaml": no such file;/);
});

const isInstalled = () => Deno.stat("/etc/weir/weir.yaml").then(() => true, () => false);
const installed = await isInstalled() ? " (skipped: /etc/weir/weir.yaml exists)" : "";

Deno.test({
  name: `no configuration anywhere: one line that says where it was looked for, exit 1${installed}`,
  ignore: installed !== "",
  fn: async () => {
    const empty = await Deno.makeTempDir({ prefix: "weir-test-" });
    try {
      // The tests of the package, in another suite, install one for a while, which would be served until it is told to end.
      const stop = new AbortController();
      const starting = weir([], { cwd: empty, signal: stop.signal });
      let isOver = false;
      void starting.finally(() => isOver = true).catch(() => {});
      await until("it has ended, or has something to serve", async () => isOver || await isInstalled());
      if (!isOver) stop.abort();
      const finished = await starting;
      if (stop.signal.aborted) return;
      const line = oneLine(finished);
      assert.match(line, /There is no configuration: looked for weir\.yaml, .*weir init/);
    } finally {
      await Deno.remove(empty);
    }
  },
});

peerTest(
  "weir demo serves both listeners, on other ports where its own are taken, and stops on SIGINT",
  ["curl"],
  async ({ curl }) => {
    // Whoever holds port 8000, the demo has to do without it.
    await using squatter = (() => {
      try {
        return nameServer("squatter", { port: 8000 });
      } catch {
        return undefined;
      }
    })();
    const folder = await Deno.makeTempDir({ prefix: "weir-test-" });
    await using cleanup = new AsyncDisposableStack();
    cleanup.defer(() => Deno.remove(folder, { recursive: true }));
    const child = weirCommand(["demo"], { cwd: folder, stdin: "null", stdout: "piped", stderr: "null" }).spawn();
    let over = false;
    void child.status.then(() => over = true);
    let text = "";
    const reading = (async () => {
      const decoder = new TextDecoder();
      for await (const bytes of child.stdout) text += decoder.decode(bytes, { stream: true });
    })();
    cleanup.defer(async () => {
      if (!over) child.kill("SIGKILL");
      await child.status;
      await reading;
    });
    await until("the demo has told everything", () => {
      assert.equal(over, false, text);
      return text.includes("Ctrl-C stops it");
    });
    // Somebody else who had it may have gone before the demo came.
    if (squatter !== undefined) assert.match(text, /Port 8000 is taken, using \d+ instead/);
    const commands = [...text.matchAll(/^ {2}curl (.*?) *(?:#.*)?$/gm)].map((match) => (match[1] ?? "").split(" "));
    assert.equal(commands.length, 4, text);
    const answers = await Promise.all(commands.map((words) => run(curl, ["--silent", "--noproxy", "*", ...words])));
    const [tcp, tls, listeners, metrics] = answers.map(({ code, stdout }) => {
      assert.equal(code, 0);
      return stdout;
    });
    assert.match(tcp ?? "", /^Hello from server (one|two|three)\n$/);
    assert.match(tls ?? "", /^Hello from server (one|two|three)\n$/);
    const names = (JSON.parse(listeners ?? "") as { listeners: { name: string }[] }).listeners.map((one) => one.name);
    assert.deepEqual(names, ["test-tcp-8000", "test-tcpssl-9000"]);
    assert.match(metrics ?? "", /^weir_connections_total\{listener="test-tcp-8000"\} 13$/m);
    assert.deepEqual([...Deno.readDirSync(folder)], [], "nothing is written");
    child.kill("SIGINT");
    assert.equal((await child.status).code, 0);
  },
);

Deno.test("demos that start at the same moment find other ports, each for itself", async () => {
  await using cleanup = new AsyncDisposableStack();
  const demos = Array.from({ length: 3 }, () => {
    const child = weirCommand(["demo"], { stdin: "null", stdout: "piped", stderr: "piped" }).spawn();
    let text = "";
    const reading = Promise.all([child.stdout, child.stderr].map(async (stream) => {
      const decoder = new TextDecoder();
      for await (const bytes of stream) text += decoder.decode(bytes, { stream: true });
    }));
    let over = false;
    void child.status.then(() => over = true);
    cleanup.defer(async () => {
      if (!over) child.kill("SIGKILL");
      await child.status;
      await reading;
    });
    return { child, said: () => text, isOver: () => over };
  });
  for (const { said, isOver } of demos) {
    await until("the demo has told everything", () => {
      assert.equal(isOver(), false, said());
      return said().includes("Ctrl-C stops it");
    });
  }
  const ports = demos.map(({ said }) => /curl http:\S+:(\d+)\/ /.exec(said())?.[1]);
  assert.equal(new Set(ports).size, demos.length, ports.join());
  for (const { child } of demos) {
    child.kill("SIGINT");
    assert.equal((await child.status).code, 0);
  }
});
