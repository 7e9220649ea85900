/**
 * The Debian package, made by dpkg-deb from a folder: the executable, its unit, a configuration that serves nothing
 * yet, the manual page and completion.
 *
 * @module
 */

import { gzipSync } from "node:zlib";
import project from "../../deno.json" with { type: "json" };
import { COMMANDS, HELP } from "../../src/cli/commands.ts";
import { bashCompletion } from "../../src/cli/completion/bash.ts";
import { fishCompletion } from "../../src/cli/completion/fish.ts";
import { zshCompletion } from "../../src/cli/completion/zsh.ts";
import type { Target } from "./targets.ts";

/** As Debian's own tools take it from the environment. */
const MAINTAINER = `${Deno.env.get("DEBFULLNAME") ?? "Weir maintainers"} <${
  Deno.env.get("DEBEMAIL") ?? "maintainers@weir.example"
}>`;

/** When the package's own changelog was last written to; RFC 5322. */
const CHANGED = "Sat, 21 Nov 2026 12:00:00 +0000";

/** What Debian calls the processors. */
const ARCHITECTURES = { x64: "amd64", arm64: "arm64" } as const;

/** The package's file name; `undefined` for platforms without packages. */
export function debName(target: Target): string | undefined {
  return target.node.os === "linux" ? `weir_${project.version}_${ARCHITECTURES[target.node.cpu]}.deb` : undefined;
}

/**
 * Builds the package.
 *
 * @param folder where it goes
 * @returns its file name, or `undefined` for platforms without packages
 * @throws {Error} when dpkg-deb is not there or cannot
 */
export async function buildDeb(target: Target, program: Uint8Array, folder: string): Promise<string | undefined> {
  const name = debName(target);
  if (name === undefined) return undefined;
  const root = await Deno.makeTempDir({ prefix: "weir-deb-" });
  try {
    const sums: string[] = [];
    for (const [path, content, mode] of contents(program)) {
      const file = `${root}/${path}`;
      await Deno.mkdir(file.slice(0, file.lastIndexOf("/")), { recursive: true });
      await Deno.writeFile(file, content, { mode });
      await Deno.chmod(file, mode);
      sums.push(`${await md5(file)}  ${path}\n`);
    }
    await Deno.mkdir(`${root}/DEBIAN`);
    await Deno.writeTextFile(`${root}/DEBIAN/control`, control(target, program.length));
    await Deno.writeTextFile(`${root}/DEBIAN/conffiles`, "/etc/weir/weir.yaml\n");
    await Deno.writeTextFile(`${root}/DEBIAN/md5sums`, sums.sort().join(""));
    for (const script of ["postinst", "prerm", "postrm"]) {
      await Deno.copyFile(`packaging/debian/${script}`, `${root}/DEBIAN/${script}`);
      await Deno.chmod(`${root}/DEBIAN/${script}`, 0o755);
    }
    await chmodFolders(root);
    await run("dpkg-deb", ["--root-owner-group", "-Zgzip", "-z6", "--build", root, `${folder}/${name}`]);
    return name;
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

type Entry = readonly [path: string, content: Uint8Array, mode: number];

function contents(program: Uint8Array): Entry[] {
  const read = (path: string) => Deno.readFileSync(path);
  const text = (content: string) => new TextEncoder().encode(content);
  const packed = (content: Uint8Array) => new Uint8Array(gzipSync(content, { level: 9 }));
  const commands = [...COMMANDS, HELP];
  const changelog = `weir (${project.version}) stable; urgency=medium

  * See /usr/share/doc/weir/NEWS.gz.

 -- ${MAINTAINER}  ${CHANGED}
`;
  const copyright = `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: Weir

Files: *
Copyright: 2026 The Weir authors
License: Apache-2.0
 The full text is in /usr/share/common-licenses/Apache-2.0
`;
  return [
    ["usr/bin/weir", program, 0o755],
    ["lib/systemd/system/weir.service", read("packaging/systemd/weir.service"), 0o644],
    ["etc/weir/weir.yaml", read("packaging/debian/weir.yaml"), 0o644],
    ["usr/share/man/man1/weir.1.gz", packed(read("docs/weir.1")), 0o644],
    ["usr/share/bash-completion/completions/weir", text(bashCompletion(commands)), 0o644],
    ["usr/share/zsh/vendor-completions/_weir", text(zshCompletion(commands)), 0o644],
    ["usr/share/fish/vendor_completions.d/weir.fish", text(fishCompletion(commands)), 0o644],
    ["usr/share/doc/weir/changelog.gz", packed(text(changelog)), 0o644],
    ["usr/share/doc/weir/NEWS.gz", packed(read("CHANGELOG.md")), 0o644],
    ["usr/share/doc/weir/copyright", text(copyright), 0o644],
    ["usr/share/doc/weir/examples/weir.example.yaml", read("config/weir.example.yaml"), 0o644],
    ["usr/share/lintian/overrides/weir", read("packaging/debian/lintian-overrides"), 0o644],
  ];
}

function control(target: Target, size: number): string {
  return `Package: weir
Version: ${project.version}
Architecture: ${ARCHITECTURES[target.node.cpu as "x64" | "arm64"]}
Maintainer: ${MAINTAINER}
Installed-Size: ${Math.ceil(size / 1024)}
Depends: libc6 (>= 2.27), libgcc-s1
Recommends: ca-certificates
Suggests: ssl-cert
Section: net
Priority: optional
Description: load balancer for TCP and TCP-SSL
 Weir accepts TCP connections, ends TLS where asked to, picks a healthy server
 by weight, and relays bytes. It is one program with one YAML file, an admin
 API with Prometheus metrics, and changes its configuration without losing
 connections.
`;
}

async function chmodFolders(folder: string): Promise<void> {
  await Deno.chmod(folder, 0o755);
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) await chmodFolders(`${folder}/${name}`);
  }
}

async function md5(file: string): Promise<string> {
  return (await run("md5sum", [file])).split(" ")[0] ?? "";
}

async function run(command: string, args: readonly string[]): Promise<string> {
  // Times in the package are this one.
  const env = { SOURCE_DATE_EPOCH: String(Date.parse(CHANGED) / 1000) };
  const { code, stdout, stderr } = await new Deno.Command(command, { args: [...args], env }).output();
  if (code !== 0) throw new Error(`${command} failed: ${new TextDecoder().decode(stderr).trim()}`);
  return new TextDecoder().decode(stdout);
}
