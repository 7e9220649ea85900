/** The commands that the documentation shows, run as they stand, with other ports and on loopback. @module */

import assert from "node:assert/strict";
import { waitForLines } from "../support/access_log.ts";
import { alike, movedTo, readPage, shown, shownAll } from "../support/documentation.ts";
import { CERTIFICATE_STORE, certificateFiles, overTls, testCertificate } from "../support/certificates.ts";
import { dnsReply, fakeDns, questionOf } from "../support/dns.ts";
import { connect } from "../support/echo.ts";
import { peerTest, run } from "../support/peers.ts";
import { freePort } from "../support/ports.ts";
import { RunningWeir, weir, withDescriptors } from "../support/program.ts";
import { holdServer, nameServer, readName } from "../support/servers.ts";
import { runShown, shellFolder } from "../support/shells.ts";
import { until } from "../support/wait.ts";

const UNWATCHED = { healthCheck: { enabled: false } };

peerTest("docs/servers.md: weir drain, and the same through the admin API", ["bash", "curl"], async ({ bash }) => {
  await using folder = await shellFolder();
  await using dns = fakeDns((query) => {
    const { type } = questionOf(query);
    return [dnsReply(query, { records: type === 1 ? [{ type: "A", data: "127.0.0.12" }] : [] })];
  });
  const port = freePort();
  await using running = await RunningWeir.start({
    dns: { servers: [dns.at] },
    backendGroups: {
      web: {
        ...UNWATCHED,
        servers: ["127.0.0.11", "app.internal", "2001:db8::11"].map((address) => ({ address, port })),
      },
    },
    listeners: [{ name: "web", protocol: "TCP", address: "::", port: freePort(), backendGroup: "web" }],
  });
  const moved = movedTo({ 8080: port, 9900: running.adminPort });
  const told = await runShown(bash, folder, moved(shown("docs/servers.md", "weir drain web 10.0.0.11:8080 ")), {
    WEIR_ADMIN: `127.0.0.1:${running.adminPort}`,
  });
  assert.equal(told.match(/takes nothing new/g)?.length, 5, told);
  assert.equal(told.match(/takes new connections/g)?.length, 1, told);
  const { servers } = await running.listener("web");
  assert.deepEqual(servers.map(({ draining }) => draining), [true, true, true]);

  await runShown(bash, folder, moved(shown("docs/servers.md", "admin=http://127.0.0.1:9900")));
  const after = await running.listener("web");
  assert.deepEqual(after.servers.map(({ draining, weight }) => [draining, weight]), [[false, 20], [true, 10], [
    true,
    0,
  ]]);
});

peerTest("docs/admin-api.md: every call", ["bash", "curl", "jq"], async ({ bash }) => {
  await using folder = await shellFolder();
  for (const [name, content] of Object.entries(certificateFiles(await testCertificate()))) {
    await Deno.writeTextFile(`${folder.path}/${name}`, content, { mode: 0o600 });
  }
  await using running = await RunningWeir.start({ listeners: [] });
  const moved = movedTo({ 80: freePort(), 81: freePort(), 8000: freePort(), 9900: running.adminPort });
  const type = async (text: string) =>
    await runShown(bash, folder, moved(text).replaceAll("/tmp/", ""), { WEIR_ADMIN_TOKEN: "any" });
  const serversOf = async (group: string) => {
    const { body } = await running.admin(`/v1/backend-groups/${group}`);
    return (body as { settings: { algorithm?: string; servers: unknown[] } }).settings;
  };

  const asked = await type(shown("docs/admin-api.md", "curl -s http://127.0.0.1:9900/v1/status"));
  assert.match(asked, /^\{"version":.*\{"at":.*"trigger":"api".*\{"listeners":\[\]\}$/s);
  await type(
    shown(
      "docs/admin-api.md",
      "curl -s -H 'content-type: application/json' 'http://127.0.0.1:9900/v1/backend-groups?persist=true'",
    ),
  );
  assert.equal((await serversOf("web")).servers.length, 3);
  assert.deepEqual((await running.admin("/v1/listeners")).body, { listeners: [] });
  assert.match(await Deno.readTextFile(running.file), /127\.0\.0\.12/, "it is saved");
  await type(shown("docs/admin-api.md", "group=http://127.0.0.1:9900/v1/backend-groups/web"));
  assert.equal((await serversOf("web")).algorithm, "wlc");

  const json = (body: unknown) => ({
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const listener = { name: "web", protocol: "TCP", port: freePort(), backendGroup: "web" };
  assert.equal((await running.admin("/v1/listeners", json(listener))).status, 201);
  await type(shown("docs/admin-api.md", "curl -s -X PATCH"));
  assert.equal((await running.listener("web")).servers[0]?.draining, true);
  await type(shown("docs/admin-api.md", "jq -n --rawfile certificate"));
  assert.equal((await running.admin("/v1/certificates/www")).status, 200);

  // Its two problem documents: of a call, and of a file.
  const documents = shownAll("docs/admin-api.md", "json");
  const wrong = await running.admin("/v1/backend-groups/web/servers", json([{ address: "127.0.0.14", port: 0 }]));
  const reloaded = await running.reload({
    backendGroups: { web: { servers: [{ address: "127.0.0.1", port: 80 }], healthCheck: { timeout: 90 } } },
  });
  for (const [index, { body }] of [wrong, reloaded].entries()) {
    const told = JSON.stringify(body, null, 2).replaceAll(running.file, "weir.yaml");
    assert.deepEqual(alike(told), alike(documents[index] ?? ""));
  }
});

peerTest("docs/events.md: the list, the stream, and an event", ["bash", "curl"], async ({ bash, curl }) => {
  await using folder = await shellFolder();
  const port = freePort();
  await using running = await RunningWeir.start({
    backendGroups: {
      web: {
        healthCheck: { interval: 5, unhealthyThreshold: 2 },
        servers: [{ address: "127.0.0.11", port }],
      },
    },
    listeners: [{ name: "web", protocol: "TCP", address: "127.0.0.1", port: freePort(), backendGroup: "web" }],
  });
  const moved = movedTo({ 9900: running.adminPort });
  const list = JSON.parse(await runShown(bash, folder, moved(shown("docs/events.md", "curl -s 'http://127"))));
  assert.equal(list.events[0].kind, "listener_started");

  const [program, ...words] = moved(shown("docs/events.md", "curl -N")).trim().replaceAll("'", "").split(/ (?!text)/);
  assert.equal(program, "curl");
  assert.deepEqual(words, ["-N", "-H", "accept: text/event-stream", `http://127.0.0.1:${running.adminPort}/v1/events`]);
  const child = new Deno.Command(curl, { args: ["--noproxy", "*", ...words], stdout: "piped", stderr: "null" }).spawn();
  let streamed = "";
  const reading = (async () => {
    const decoder = new TextDecoder();
    for await (const bytes of child.stdout) streamed += decoder.decode(bytes, { stream: true });
  })();
  try {
    // Whenever the stream begins, something happens after that.
    let drain = false;
    await until("the stream moves", async () => {
      const change = { method: "PATCH", headers: { "content-type": "application/json" }, body: "" };
      change.body = JSON.stringify({ drain: drain = !drain });
      await running.admin(`/v1/listeners/web/servers/127.0.0.11:${port}`, change);
      return /^data: .*"server_changed".*$/m.test(streamed);
    });
    // A server where nobody listens: the second probe makes it Abnormal.
    const found = await until("the event comes", async () => {
      const { body } = await running.admin("/v1/events?limit=1000");
      return (body as { events: { kind: string }[] }).events.find(({ kind }) => kind === "health_changed");
    });
    const event = JSON.stringify(found, null, 2).replace(
      /"details": \{\n +(.*)\n +(.*)\n +\}/,
      '"details": { $1 $2 }',
    );
    assert.deepEqual(alike(event.replace("Unknown", "Healthy")), alike(shown("docs/events.md", "{")));
  } finally {
    child.kill("SIGTERM");
    await child.status;
    await reading;
  }
});

peerTest("docs/coming-from.md: from haproxy.cfg to a configuration", ["bash"], async ({ bash }) => {
  await using folder = await shellFolder();
  const { certPem, keyPem } = await testCertificate();
  await Deno.writeTextFile(`${folder.path}/www.pem`, certPem + keyPem, { mode: 0o600 });
  const input = shown("docs/coming-from.md", "global\n").replaceAll("/etc/ssl/", "");
  await Deno.writeTextFile(`${folder.path}/haproxy.cfg`, input);
  const told = await runShown(bash, folder, shown("docs/coming-from.md", "weir convert haproxy.cfg"));
  const expected = shown("docs/coming-from.md", "# Translated from").replaceAll("/etc/ssl/", "");
  assert.ok(told.startsWith(expected), told);
  assert.equal(await Deno.readTextFile(`${folder.path}/weir.yaml`), expected);
  assert.match(told, /weir\.yaml is valid: 2 listeners, 1 backend group\n$/);
});

peerTest("docs/access-log.md: logrotate moves the file, and Weir goes on in a new one", ["logrotate"], async (
  { logrotate },
) => {
  await using folder = await shellFolder();
  await using server = nameServer("served");
  const port = freePort();
  const file = `${folder.path}/access.log`;
  await using running = await RunningWeir.start({
    log: { access: "on", accessFile: file },
    listeners: [{
      name: "web",
      protocol: "TCP",
      address: "127.0.0.1",
      port,
      backends: { ...UNWATCHED, servers: [{ address: "127.0.0.1", port: server.port }] },
    }],
  });
  // In the place of systemd, which knows the process by its unit.
  await Deno.writeTextFile(
    `${folder.path}/bin/systemctl`,
    `#!/bin/sh\n[ "$*" = "kill --signal=HUP --kill-whom=main weir.service" ] && kill -HUP ${running.pid}\n`,
    { mode: 0o755 },
  );
  const rules = shown("docs/access-log.md", "/var/log/weir/access.log {").replace("/var/log/weir/access.log", file);
  await Deno.writeTextFile(`${folder.path}/rules`, rules, { mode: 0o600 });
  assert.equal(await readName(port), "served");
  const [first] = await waitForLines(file, 1);

  const args = ["--force", "--state", `${folder.path}/state`, `${folder.path}/rules`];
  const { code, stderr } = await run(logrotate, args, { env: folder.env });
  assert.deepEqual([code, stderr], [0, ""]);
  await until("there is a new file", () => Deno.stat(file).then(({ isFile }) => isFile, () => false));
  assert.equal(await readName(port), "served");
  const [second] = await waitForLines(file, 1);
  assert.deepEqual((await waitForLines(`${file}.1`, 1)).map(({ id }) => id), [first?.id]);
  assert.notEqual(second?.id, first?.id);
});

Deno.test("docs/reliability.md: what is said of few descriptors, and of a stop that waits", async () => {
  await using server = holdServer();
  const port = freePort();
  await using running = await RunningWeir.start({
    shutdown: { drainTimeout: 300 },
    listeners: [{
      name: "web",
      protocol: "TCP",
      address: "127.0.0.1",
      port,
      backends: { ...UNWATCHED, servers: [{ address: "127.0.0.1", port: server.port }] },
    }],
  }, { within: withDescriptors(1024) });
  const warning = alike(shown("docs/reliability.md", "1001 file descriptors")).join(" ");
  await until("it is logged", () => alike(running.log).some((line) => line.includes(warning)));

  const clients = await Promise.all([connect(port), connect(port), connect(port)]);
  try {
    await until("they are served", () => server.open === clients.length);
    running.signal("SIGTERM");
    const told = await until("weir status tells of it", async () => {
      const { code, stdout } = await weir(["status", "--admin", `127.0.0.1:${running.adminPort}`]);
      return code === 0 && stdout.includes("drains") && stdout.replace(running.file, "weir.yaml");
    });
    const wanted = alike(shown("docs/reliability.md", "Weir 0.1.0, up 2h 5m, not ready"));
    assert.deepEqual(alike(told).slice(0, wanted.length), wanted);
  } finally {
    for (const client of clients) client.close();
  }
  assert.equal(await running.ended(), 0);
});

peerTest("docs/tls.md: the alert is one that Prometheus takes", ["promtool"], async ({ promtool }) => {
  await using folder = await shellFolder();
  const expr = shown("docs/tls.md", "weir_certificate_not_after_timestamp_seconds");
  const rules = { groups: [{ name: "shown", rules: [{ alert: "Shown", expr }] }] };
  await Deno.writeTextFile(`${folder.path}/rules.yaml`, JSON.stringify(rules));
  const { code, stderr } = await run(promtool, ["check", "rules", `${folder.path}/rules.yaml`]);
  assert.equal(code, 0, stderr);
});

peerTest("docs/listeners.md: the keep-alive times are there to be set", ["sysctl", "unshare"], async (
  { sysctl, unshare },
) => {
  const [program, ...words] = shown("docs/listeners.md", "sysctl -w").trim().split(" ");
  assert.equal(program, "sysctl");
  // In a network of its own, where such a one may be had: these times are those of the whole machine.
  const apart = [...(Deno.uid() === 0 ? [] : ["--map-root-user"]), "--net", sysctl];
  const writable = await run(unshare, [...apart, "-w", "net.ipv4.tcp_keepalive_time=7200"]);
  const names = words.slice(1).map((word) => word.split("=")[0] ?? "");
  const { code, stdout } = writable.code === 0 ? await run(unshare, [...apart, ...words]) : await run(sysctl, names);
  assert.equal(code, 0);
  for (const word of writable.code === 0 ? words.slice(1) : names) assert.ok(stdout.includes(word.replace("=", " = ")));
});

peerTest(
  "docs/troubleshooting.md: what it asks of other programs",
  ["bash", "ss", "openssl"],
  async ({ bash, openssl }) => {
    const page = readPage("docs/troubleshooting.md");
    await using folder = await shellFolder();
    const certificate = await testCertificate();
    for (const [name, content] of Object.entries(certificateFiles(certificate))) {
      await Deno.writeTextFile(`${folder.path}/${name}`, content, { mode: 0o600 });
    }
    await using server = nameServer("served");
    const port = freePort();
    await using running = await RunningWeir.start({
      certificates: CERTIFICATE_STORE,
      listeners: [{
        ...{ name: "web", address: "127.0.0.1", port, ...overTls() },
        backends: { ...UNWATCHED, servers: [{ address: "127.0.0.1", port: server.port }] },
      }],
    }, { files: certificateFiles(certificate) });
    /** A command of the page's text, which is there word for word. */
    const said = (command: string) => {
      assert.ok(page.includes(`\`${command}\``), command);
      return command.replace(":443", `:${port}`).replace("CERT", "www.pem").replace("KEY", "www.key")
        .replace("HOST:PORT", `127.0.0.1:${port}`).replace("NAME", "localhost");
    };
    const holder = await runShown(bash, folder, said("ss -ltnp 'sport = :443'"));
    assert.match(holder, new RegExp(`pid=${running.pid}\\b`));
    const keys = [said("openssl x509 -noout -pubkey -in CERT"), said("openssl pkey -pubout -in KEY")];
    const [first, second] = await Promise.all(keys.map((command) => runShown(bash, folder, command)));
    assert.equal(first, second);
    const [, ...words] = said("openssl s_client -connect HOST:PORT -servername NAME").split(" ");
    assert.match((await run(openssl, words)).stdout, /^subject=.*Weir test/m);
  },
);
