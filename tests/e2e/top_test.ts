/** `weir top`, on a terminal and off it. @module */

import assert from "node:assert/strict";
import { backends, listener } from "../support/configs.ts";
import { peerTest } from "../support/peers.ts";
import { freePort } from "../support/ports.ts";
import { RunningWeir, weir, weirCommand, weirCommandLine } from "../support/program.ts";
import { nameServer, readName } from "../support/servers.ts";
import { until } from "../support/wait.ts";

/** A program on a terminal of its own, as `script` makes one. */
class OnTerminal implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly ended: Promise<number>;
  /** Everything on the screen so far, with what steers it. */
  output = "";

  /** @param command for the shell */
  constructor(script: string, command: string, env: Record<string, string> = {}) {
    this.#process = new Deno.Command(script, {
      args: ["--quiet", "--return", "--flush", "--command", command, "/dev/null"],
      env: { TERM: "xterm", NO_COLOR: "", ...env },
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    this.#input = this.#process.stdin.getWriter();
    this.ended = this.#read();
  }

  async type(keys: string): Promise<void> {
    await this.#input.write(new TextEncoder().encode(keys));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#process.kill();
    } catch { /* it has ended */ }
    await this.ended;
  }

  async #read(): Promise<number> {
    const decoder = new TextDecoder();
    for await (const chunk of this.#process.stdout) this.output += decoder.decode(chunk, { stream: true });
    const { code } = await this.#process.status;
    await this.#input.close().catch(() => {});
    return code;
  }
}

/** The last whole picture, as lines without colours. */
function lastFrame(output: string): string[] {
  const frame = output.split("\x1b[H").filter((part) => part.includes("\x1b[J")).at(-1) ?? "";
  // deno-lint-ignore no-control-regex
  return (frame.split("\x1b[J")[0] ?? "").replace(/\x1b\[[\d;]*[mK]/g, "").split(/\r*\n/);
}

function quoted(args: readonly string[]): string {
  return weirCommandLine(args).map((word) => `'${word}'`).join(" ");
}

for (const [name, keys] of [["q", "q"], ["Ctrl-C", "\x03"]] as const) {
  peerTest(`weir top fits its terminal, shows rates, and puts it back on ${name}`, ["script"], async ({ script }) => {
    await using server = nameServer("a");
    const port = freePort();
    const group = backends(Array.from({ length: 30 }, (_, index) => index === 0 ? server.port : freePort()));
    await using running = await RunningWeir.start({ listeners: [listener(port, group, { connectTimeout: 10 })] });
    const top = quoted(["top", "--interval", "0.2", "--admin", `127.0.0.1:${running.adminPort}`]);
    await using terminal = new OnTerminal(script, `stty rows 15 cols 60; ${top}; echo "code $?"; stty -a`);
    // Traffic until a picture shows it: of ten servers that are not there one may be tried before.
    await until("a picture with new connections", async () => {
      await readName(port);
      return lastFrame(terminal.output).some((line) =>
        /^web +accepting +30\/30 +\d+ +([1-9]\d*\.\d|0\.[1-9]) /.test(line)
      );
    });
    const frame = lastFrame(terminal.output);
    assert.ok(frame.length <= 15 && frame.every((line) => line.length <= 60), frame.join("\n"));
    assert.match(frame[0] ?? "", /^Weir \d+\.\d+\.\d+, up /);
    assert.match(frame[1] ?? "", /^Every 0\.2 s, by traffic; q ends$/);
    assert.match(frame.join("\n"), /^LISTENER +STATE +UP +ACTIVE +NEW\/S +IN\/S +OUT\/S$/m);
    assert.match(frame.at(-1) ?? "", /^… \d+ more$/);
    await terminal.type(keys);
    assert.equal(await terminal.ended, 0);
    const { output } = terminal;
    assert.equal(output.split("\x1b[?1049h\x1b[?25l").length, 2, "enters the second screen once");
    const after = output.split("\x1b[?25h\x1b[?1049l")[1] ?? "";
    assert.match(after, /code 0/);
    assert.match(after, /[^-]icanon/, "the terminal gives whole lines again");
    assert.match(after, /[^-]echo\b/);
    assert.ok(output.includes("\x1b[1m"), "the heading is bold");
  });
}

peerTest("weir top obeys NO_COLOR, survives a Weir that goes away, and ends on SIGTERM", ["script"], async (paths) => {
  await using running = await RunningWeir.start({ listeners: [] });
  const top = quoted(["top", "--interval", "0.2", "--admin", `127.0.0.1:${running.adminPort}`]);
  await using terminal = new OnTerminal(paths.script, `echo "pid $$"; exec ${top}`, { NO_COLOR: "1" });
  await until("a picture", () => lastFrame(terminal.output).length > 3);
  running.signal("SIGTERM");
  await until("it says so", () => /^Cannot reach a running Weir/.test(lastFrame(terminal.output)[1] ?? ""));
  // deno-lint-ignore no-control-regex
  assert.doesNotMatch(terminal.output, /\x1b\[\d+m/);
  Deno.kill(Number(/pid (\d+)/.exec(terminal.output)?.[1]), "SIGTERM");
  assert.equal(await terminal.ended, 0);
  assert.ok(terminal.output.endsWith("\x1b[?25h\x1b[?1049l"));
});

Deno.test("weir top off a terminal shows one picture, plainly; --json gives a line each interval", async () => {
  await using server = nameServer("a");
  const port = freePort();
  await using running = await RunningWeir.start({ listeners: [listener(port, backends([server.port]))] });
  await readName(port);
  const admin = ["--admin", `127.0.0.1:${running.adminPort}`, "--interval", "0.2"];
  const { code, stdout, stderr } = await weir(["top", ...admin]);
  assert.deepEqual([code, stderr], [0, ""]);
  const line = (pattern: string) => assert.match(stdout, new RegExp(pattern, "m"));
  line("^Weir .*, ready  0 active  0\\.0 new/s  0 B/s in  0 B/s out$");
  line("^Over the last 0\\.2 s, by traffic$");
  line(`^web +TCP +127\\.0\\.0\\.1:${port} +accepting +1/1 +0 +0\\.0 +0 B +0 B$`);
  line(`^web +127\\.0\\.0\\.1:${server.port} +Disabled +10 +0 +0\\.0 +0 B +0 B$`);
  // deno-lint-ignore no-control-regex
  assert.doesNotMatch(stdout, /\x1b/);

  const once = await weir(["top", "--json", "--once", ...admin]);
  assert.equal(once.code, 0);
  const { seconds, ready, listeners, servers } = JSON.parse(once.stdout);
  assert.ok(seconds >= 0.2 && ready === true);
  assert.deepEqual([listeners[0].listener, listeners[0].newConnections, servers[0].health], ["web", 0, "Disabled"]);

  // A reader that has had enough ends it.
  const process = weirCommand(["top", "--json", ...admin], { stdin: "null", stdout: "piped", stderr: "piped" }).spawn();
  const reader = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let lines = "";
  while (lines.split("\n").length < 3) lines += (await reader.read()).value ?? "";
  for (const line of lines.split("\n").slice(0, 2)) assert.equal(JSON.parse(line).ready, true);
  await reader.cancel();
  await process.stderr.cancel();
  assert.equal((await process.status).code, 0);
});

Deno.test("weir top names what is wrong with its flags", async () => {
  const cases: readonly (readonly [args: string[], stderr: string])[] = [
    [["--interval", "0"], 'weir: --interval must be between 0.2 and 3600 seconds, got "0"\n'],
    [["--interval", "1e3"], 'weir: --interval must be between 0.2 and 3600 seconds, got "1e3"\n'],
    [["--sort", "size"], 'weir: --sort must be one of traffic, new, active, name, got "size"\n'],
  ];
  for (const [args, stderr] of cases) {
    assert.deepEqual(await weir(["top", ...args]), { code: 2, stdout: "", stderr });
  }
});
