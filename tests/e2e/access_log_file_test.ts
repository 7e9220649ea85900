/** Where the access log goes: files that are rotated, full, missing or moved, and standard error that nobody reads. @module */

import assert from "node:assert/strict";
import { type AccessLine, accessLines, waitForLines } from "../support/access_log.ts";
import { backends, listener, type Settings } from "../support/configs.ts";
import { freePort } from "../support/ports.ts";
import { RunningWeir, weir, weirCommandLine } from "../support/program.ts";
import { nameServer, readName, type TestServer } from "../support/servers.ts";
import { until } from "../support/wait.ts";

const config = (port: number, server: TestServer, log: Settings): Settings => ({
  log: { level: "info", access: "on", ...log },
  listeners: [listener(port, backends([server.port]))],
});

/** Connections one after the other on each of several lanes; every one must be served. */
async function load(port: number, lanes: number, each: number): Promise<void> {
  await Promise.all(Array.from({ length: lanes }, async () => {
    for (let index = 0; index < each; index++) assert.equal(await readName(port), "hello");
  }));
}

async function metric(adminPort: number, name: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text();
  return Number(new RegExp(`^${name} (\\d+)$`, "m").exec(text)?.[1]);
}

const DROPPED = "weir_access_log_dropped_total";

/** A program that is not given a reader for its standard error, or is limited by the words in front of it. */
async function startRaw(settings: Settings, through: readonly string[], stderr: "piped" | "null") {
  const folder = await Deno.makeTempDir({ prefix: "weir-test-" });
  const adminPort = freePort();
  const file = `${folder}/weir.yaml`;
  await Deno.writeTextFile(file, JSON.stringify({ ...settings, admin: { listen: `127.0.0.1:${adminPort}` } }));
  const [program = "", ...args] = [...through, ...weirCommandLine(["run", "-c", file])];
  const process = new Deno.Command(program, { args, stdin: "null", stdout: "null", stderr }).spawn();
  const isReady = async () => {
    try {
      const response = await fetch(`http://127.0.0.1:${adminPort}/readyz`);
      await response.body?.cancel();
      return response.ok;
    } catch {
      return false;
    }
  };
  await until("the program is ready", isReady);
  return {
    folder,
    adminPort,
    process,
    async [Symbol.asyncDispose]() {
      try {
        process.kill("SIGKILL");
      } catch { /* it has ended by itself */ }
      await process.status;
      await Deno.remove(folder, { recursive: true });
    },
  };
}

/** Clients at once, and connections of each. */
const [CLIENTS, EACH] = [50, Deno.env.get("WEIR_LONG") === "1" ? 1000 : 150];
const LINES = CLIENTS * EACH;

Deno.test(`${LINES} connections under rename and SIGHUP: not a line is lost, and none comes twice`, async () => {
  await using server = nameServer("hello");
  const port = freePort();
  await using running = await RunningWeir.start(config(port, server, { level: "warn", accessFile: "access.log" }));
  const file = `${running.folder}/access.log`;
  let isOver = false;
  const loaded = load(port, CLIENTS, EACH).finally(() => isOver = true);
  let rotations = 0;
  while (!isOver) {
    const old = `${file}.${rotations + 1}`;
    await until("there is something to rotate", async () => isOver || (await accessLines(file)).length > 0, 60);
    if (isOver) break;
    await Deno.rename(file, old);
    rotations++;
    // Every other one with a configuration that is refused: the file is opened all the same.
    if (rotations % 2 === 0) await running.write("listeners: [");
    else await running.write(config(port, server, { level: "warn", accessFile: "access.log" }));
    running.signal("SIGHUP");
    await until("the new file is there", () => Deno.stat(file).then(() => true, () => false));
  }
  await loaded;
  assert.ok(rotations >= 4, `${rotations} rotations`);
  const files = [file, ...Array.from({ length: rotations }, (_, index) => `${file}.${index + 1}`)];
  const all = async () => (await Promise.all(files.map(accessLines))).flat();
  const lines = await until("every line is written", async () => {
    const found: AccessLine[] = await all();
    return found.length >= LINES && found;
  });
  assert.equal(lines.length, LINES);
  assert.equal(new Set(lines.map(({ id }) => id)).size, LINES);
  assert.equal((await running.listener("web")).connectionsTotal, LINES);
  assert.equal(await metric(running.adminPort, DROPPED), 0);
  await running.untilLogged("The configuration was not reloaded");
});

Deno.test("the access log is switched on, moved and switched off by a reload, in place", async () => {
  await using server = nameServer("hello");
  const port = freePort();
  await using running = await RunningWeir.start(config(port, server, { access: "off" }));
  const reload = async (log: Settings) => {
    const { status, body } = await running.reload(config(port, server, log));
    assert.equal(status, 200, JSON.stringify(body));
    return body as { changes: unknown[]; general: string[] };
  };
  await load(port, 1, 2);
  // A connection is logged when it ends on both sides, a moment after its client has.
  await until("they have ended", async () => (await running.listener("web")).connectionsActive === 0);
  const { changes, general } = await reload({ accessFile: "one.log" });
  assert.deepEqual([changes, general], [[], ["log"]], "no listener is touched");
  await load(port, 1, 3);
  await waitForLines(`${running.folder}/one.log`, 3);
  await reload({ accessFile: "two.log", accessFormat: "text" });
  await load(port, 1, 4);
  const text = await until("four lines are written", async () => {
    const found = await Deno.readTextFile(`${running.folder}/two.log`);
    return found.split("\n").length === 5 && found;
  });
  assert.match(text, /^\S+ access id=\S+ listener=web client=127\.0\.0\.1:\d+ .* reason=server_closed in=0 out=5 /);
  await reload({ format: "json" });
  await load(port, 1, 5);
  const onStderr = () => running.log.split("\n").filter((line) => line.includes('"type":"access"'));
  await until("five lines are on standard error", () => onStderr().length === 5);
  await reload({ access: "off" });
  await load(port, 1, 6);
  assert.equal(onStderr().length, 5);
  assert.equal((await accessLines(`${running.folder}/one.log`)).length, 3);
  assert.equal((await running.listener("web")).connectionsTotal, 2 + 3 + 4 + 5 + 6);
  const { mode } = await Deno.stat(`${running.folder}/one.log`);
  assert.equal((mode ?? 0) & 0o777 & ~0o640, 0, "nobody else may read it");
});

Deno.test("what was logged before the end is written when Weir stops", async () => {
  await using server = nameServer("hello");
  const port = freePort();
  await using running = await RunningWeir.start(config(port, server, { accessFile: "access.log" }));
  await load(port, 10, 30);
  running.signal("SIGTERM");
  assert.equal(await running.ended(), 0);
  assert.equal((await accessLines(`${running.folder}/access.log`)).length, 300);
});

Deno.test("a file that cannot be opened is refused at the start and at a reload, and the old one serves on", async () => {
  await using server = nameServer("hello");
  const port = freePort();
  await using running = await RunningWeir.start(config(port, server, { accessFile: "access.log" }));
  const tooLong = "x".repeat(300);
  const cases: readonly (readonly [file: string, message: RegExp])[] = [
    ["gone/access.log", /^must be in a folder that is there, got "gone\/access\.log"$/],
    [".", /^must be a file, got "\.", which is a folder$/],
    ["/dev/null", /^must be a file, got "\/dev\/null", which is a pipe or a device$/],
    [tooLong, /^cannot be opened for appending: .*too long.*, got "x+"$/],
  ];
  for (const [accessFile, message] of cases) {
    const { status, body } = await running.reload(config(port, server, { accessFile }));
    assert.equal(status, 422);
    const { errors } = body as { errors: { path: string; message: string; line: number }[] };
    assert.equal(errors.length, 1);
    assert.equal(errors[0]?.path, "log.accessFile");
    assert.match(errors[0]?.message ?? "", message);
    assert.ok((errors[0]?.line ?? 0) > 0);
    const atStart = await weir(["run", "-c", running.file]);
    assert.equal(atStart.code, 3, atStart.stderr);
    assert.match(atStart.stderr, /log\.accessFile/);
  }
  await load(port, 1, 2);
  await waitForLines(`${running.folder}/access.log`, 2);
});

Deno.test("a full disk is told once; lines wait, and are written when there is room again", async () => {
  await using server = nameServer("hello");
  const port = freePort();
  // No file may have more than 64 KB, which fails as a full disk does.
  const through = ["bash", "-c", 'trap "" XFSZ; ulimit -f 64; exec "$@"', "bash"];
  await using running = await startRaw(config(port, server, { accessFile: "access.log" }), through, "piped");
  let log = "";
  const reading = (async () => {
    for await (const chunk of running.process.stderr.pipeThrough(new TextDecoderStream())) log += chunk;
  })();
  const file = `${running.folder}/access.log`;
  await load(port, 10, 30);
  await until("it is told", () => log.includes("Cannot write the access log"));
  await load(port, 10, 10);
  const full = await Deno.readTextFile(file);
  assert.equal(full.length, 64 * 1024);
  await Deno.truncate(file);
  await until("it works again", () => log.includes("works again; 0 lines were dropped meanwhile"));
  const rest = await until("the rest is written", async () => {
    const text = await Deno.readTextFile(file);
    return (full + text).split("\n").length === 401 && text;
  });
  const lines = (full + rest).split("\n").slice(0, -1).map((line) => JSON.parse(line) as AccessLine);
  assert.equal(new Set(lines.map(({ id }) => id)).size, 400, "every line is whole, and there once");
  assert.equal(log.match(/Cannot write the access log/g)?.length, 1);
  running.process.kill("SIGTERM");
  await reading;
});

Deno.test("nobody reads standard error: connections are served all the same, and what is dropped is counted", async () => {
  await using server = nameServer("hello");
  const port = freePort();
  await using running = await startRaw(config(port, server, { format: "json" }), [], "piped");
  const connections = 12_000;
  await load(port, 20, connections / 20);
  const dropped = await until("lines are dropped", async () => {
    const count = await metric(running.adminPort, DROPPED);
    return count > 0 && count;
  });
  assert.ok(dropped < connections);
  // Now somebody reads.
  let [written, rest] = [0, ""];
  const reading = (async () => {
    for await (const chunk of running.process.stderr.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) if ((JSON.parse(line) as { type?: string }).type === "access") written++;
    }
  })();
  await until(
    "every line is written or counted",
    async () => written + await metric(running.adminPort, DROPPED) === connections,
    60,
  );
  await load(port, 1, 5);
  await until("later ones are written", async () => {
    return written + await metric(running.adminPort, DROPPED) === connections + 5;
  });
  running.process.kill("SIGTERM");
  await reading;
  assert.equal(rest, "", "the last line is whole");
});
