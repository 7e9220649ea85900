/**
 * The image that the Dockerfile describes, laid out without Docker: its instructions are followed in a folder, with the
 * libraries that a distroless `cc` image has and nothing else, and the program runs in there as the image says.
 *
 * @module
 */

import assert from "node:assert/strict";
import { peerTest, run } from "../support/peers.ts";
import { freePort } from "../support/ports.ts";
import { projectPath } from "../support/program.ts";
import { until } from "../support/wait.ts";
import { temporaryFolder } from "./built.ts";

/** One instruction. */
interface Instruction {
  readonly name: string;
  readonly text: string;
}

/** The instructions of each stage, in order. */
function stagesOf(dockerfile: string): Instruction[][] {
  const stages: Instruction[][] = [];
  for (const line of dockerfile.replaceAll("\\\n", " ").split("\n")) {
    const [, name, text] = /^([A-Z]+) +(.*)$/.exec(line) ?? [];
    if (name === undefined || text === undefined) continue;
    if (name === "FROM") stages.push([]);
    stages.at(-1)?.push({ name, text });
  }
  return stages;
}

const words = (text: string) => JSON.parse(text.slice(text.indexOf("["))) as string[];

/** What https://github.com/GoogleContainerTools/distroless says is in `cc`: glibc and libgcc_s (libstdc++, libgomp). */
const LIBRARIES = /^(linux-vdso|ld-linux-[\w-]+|lib(c|m|dl|rt|pthread|gcc_s))\.so\.\d+$/;

/** Copies as `COPY` does, from one folder into another. */
async function copy(text: string, from: string, to: string): Promise<void> {
  const paths = text.split(/ +/).filter((word) => !word.startsWith("--"));
  const target = paths.pop() ?? "";
  for (const path of paths) {
    const single = !target.endsWith("/");
    const place = `${to}/${single ? target : `${target}${path}`}`;
    assert.equal((await run("mkdir", ["-p", place.slice(0, place.lastIndexOf("/"))])).code, 0);
    const { code, stderr } = await run("cp", ["-a", `${from}/${path}`, place]);
    assert.equal(code, 0, stderr);
  }
}

peerTest(
  "the image holds what the program needs, and runs it as somebody who may nothing",
  ["ldd"],
  async ({ ldd }) => {
    const [build = [], image = []] = stagesOf(await Deno.readTextFile(projectPath("packaging/docker/Dockerfile")));
    const only = (name: string) => {
      const found = image.filter((one) => one.name === name);
      assert.equal(found.length, 1, name);
      return found[0]?.text ?? "";
    };
    await using folder = await temporaryFolder();
    await Deno.chmod(folder.path, 0o755);

    // The first stage: what it copies is enough to build from.
    const source = `${folder.path}/build/src/weir`;
    for (const { name, text } of build) {
      if (name === "WORKDIR") {
        assert.equal(text, "/src/weir");
        await Deno.mkdir(source, { recursive: true });
      } else if (name === "COPY") await copy(text, projectPath("."), source);
      else if (name === "RUN") {
        const [program, ...args] = words(text);
        assert.equal(program, "deno");
        const { code, stderr } = await run(Deno.execPath(), args, { cwd: source });
        assert.equal(code, 0, stderr);
      }
    }

    // The second: the program, the libraries of its base, and a configuration where it is mounted.
    const root = `${folder.path}/root`;
    for (const { name, text } of image) {
      if (name === "COPY") {
        await copy(
          text,
          text.startsWith("--from=build") ? `${folder.path}/build` : projectPath("."),
          root,
        );
      }
    }
    const [program = "", ...args] = [...words(only("ENTRYPOINT")), ...words(only("CMD"))];
    const libraries = (await run(ldd, [`${root}${program}`])).stdout.trim().split("\n").map((line) => line.trim());
    for (const line of libraries) {
      const path = /(\/\S+) \(/.exec(line)?.[1];
      assert.match(line.split(" ")[0]?.split("/").at(-1) ?? "", LIBRARIES);
      if (path === undefined) continue;
      await Deno.mkdir(`${root}${path.slice(0, path.lastIndexOf("/"))}`, { recursive: true });
      await Deno.copyFile(path, `${root}${path}`);
    }
    const admin = `127.0.0.1:${freePort()}`;
    for (const name of ["etc/weir", "proc"]) await Deno.mkdir(`${root}/${name}`, { recursive: true });
    await Deno.writeTextFile(`${root}/etc/weir/weir.yaml`, `admin: { listen: "${admin}" }\nlisteners: []\n`);

    const user = only("USER");
    assert.match(user, /^\d+:\d+$/, "numbers, so that runAsNonRoot can be checked");
    const inside = (command: readonly string[]) =>
      new Deno.Command("unshare", {
        args: [
          ...["--mount", "sh", "-euc"],
          'mount --bind "$0" "$0"; mount -t proc proc "$0/proc"; mount -o remount,bind,ro "$0"; ' +
          `exec chroot --userspec=${user} "$0" "$@"`,
          ...[root, ...command],
        ],
        clearEnv: true,
        env: { PATH: Deno.env.get("PATH") ?? "", WEIR_ADMIN: admin },
        stdin: "null",
        stdout: "piped",
        stderr: "piped",
      });
    // Where a machine lets nobody mount, it has been seen that everything is there.
    if ((await inside([program, "version"]).output()).code !== 0) {
      const mount = await run("unshare", ["--mount", "mount", "--bind", root, root]);
      assert.notEqual(mount.code, 0, "the program does not run in the image");
      return;
    }
    const running = inside([program, ...args]).spawn();
    const output = running.output();
    try {
      const health = words(only("HEALTHCHECK"));
      await until("its health check says that it is ready", async () => (await inside(health).output()).code === 0);
      running.kill(only("STOPSIGNAL") as Deno.Signal);
    } finally {
      const { code, stderr } = await output;
      assert.equal(code, 0, new TextDecoder().decode(stderr));
    }
  },
);
