#!/usr/bin/env node
// Starts the executable of this platform, which npm has installed as an optional dependency.
"use strict";

const { spawn } = require("node:child_process");
const { name, optionalDependencies } = require("../package.json");

const wanted = `${name}-${process.platform}-${process.arch}`;

function fail(text) {
  process.stderr.write(`weir: ${text}\n`);
  process.exit(1);
}

function executable() {
  if (!Object.hasOwn(optionalDependencies, wanted)) {
    const platforms = Object.keys(optionalDependencies).map((one) => one.slice(name.length + 1)).join(", ");
    fail(`There is no executable for ${process.platform}-${process.arch}, only for ${platforms}`);
  }
  try {
    return require.resolve(`${wanted}/bin/weir${process.platform === "win32" ? ".exe" : ""}`);
  } catch {
    return fail(
      `The package "${wanted}" is not installed; install "${name}" again, without --omit=optional or --no-optional`,
    );
  }
}

const program = executable();
const args = process.argv.slice(2);

// The executable takes this process's place where Node can do that: signals and the exit code are its own then.
if (typeof process.execve === "function" && process.platform !== "win32") {
  process.execve(program, [program, ...args], process.env);
}

const child = spawn(program, args, { stdio: "inherit", windowsHide: true });
child.on("error", (error) => fail(`Cannot start ${program}: ${error.message}`));
// A terminal sends these to both of them; a second SIGINT would end Weir without draining.
const fromTerminal = process.stdin.isTTY === true;
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(signal, () => {
    if (!(fromTerminal && signal === "SIGINT")) child.kill(signal);
  });
}
child.on("exit", (code, signal) => {
  if (signal === null) process.exit(code);
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
});
