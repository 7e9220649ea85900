/**
 * Packages for npm: `weir-lb`, which starts the executable, and one package a platform with the executable in it, of
 * which npm installs the one that fits.
 *
 * @module
 */

import project from "../../deno.json" with { type: "json" };
import { type ArchivedFile, tarGz } from "./archive.ts";
import { type Target, TARGETS } from "./targets.ts";

/** "weir" is taken on the public registry by something else. */
const NAME = "weir-lb";

/** A package as npm takes it: what its file is called and what is in it. */
export interface NpmPackage {
  readonly file: string;
  readonly bytes: Uint8Array;
}

/** The package that people install. */
export function launcherPackage(): NpmPackage {
  const optionalDependencies = Object.fromEntries(TARGETS.map((target) => [platformName(target), project.version]));
  const manifest = {
    ...common("Load balancer for TCP and TCP-SSL"),
    name: NAME,
    bin: { weir: "bin/weir.js" },
    engines: { node: ">=18" },
    optionalDependencies,
  };
  return pack(NAME, [
    file("package.json", json(manifest)),
    file("README.md", Deno.readFileSync("packaging/npm/README.md")),
    file("bin/weir.js", Deno.readFileSync("packaging/npm/weir.js"), true),
  ]);
}

/** The package with the executable of a platform. */
export function platformPackage(target: Target, executable: Uint8Array): NpmPackage {
  const name = platformName(target);
  const manifest = {
    ...common(`The executable of ${NAME} for ${target.name}`),
    name,
    os: [target.node.os],
    cpu: [target.node.cpu],
    ...(target.node.os === "linux" ? { libc: ["glibc"] } : {}),
    preferUnplugged: true,
  };
  return pack(name, [
    file("package.json", json(manifest)),
    file(`bin/${target.executable}`, executable, true),
  ]);
}

function platformName({ node: { os, cpu } }: Target): string {
  return `${NAME}-${os}-${cpu}`;
}

function common(description: string) {
  const { version, license } = project;
  return { version, description, license, keywords: ["load-balancer", "proxy", "tcp", "tls", "layer4"] };
}

function pack(name: string, files: readonly ArchivedFile[]): NpmPackage {
  const licence = file("LICENSE", Deno.readFileSync("LICENSE"));
  return { file: `${name}-${project.version}.tgz`, bytes: tarGz([...files, licence]) };
}

function file(path: string, content: Uint8Array, isExecutable = false): ArchivedFile {
  return { path: `package/${path}`, content, isExecutable };
}

function json(value: unknown): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`);
}
