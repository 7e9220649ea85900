/** Archives of a release, and which platform an executable is for. @module */

import assert from "node:assert/strict";
import { PERMISSIONS, V8_FLAGS } from "../../../scripts/release/runtime_flags.ts";
import { archiveName } from "../../../scripts/release/release.ts";
import { tarGz, zip } from "../../../scripts/release/archive.ts";
import { compileTarget, targetsNamed } from "../../../scripts/release/compile_target.ts";
import { targetOf, TARGETS } from "../../../scripts/release/targets.ts";
import { peerTest, run } from "../../support/peers.ts";

const random = crypto.getRandomValues(new Uint8Array(65_536));
const FILES = [
  { path: "weir/weir", content: new Uint8Array([...random, ...random]), isExecutable: true },
  { path: "weir/empty", content: new Uint8Array(), isExecutable: false },
  { path: "weir/a block", content: new Uint8Array(512).fill(7), isExecutable: false },
  { path: "weir/folder/grüße", content: new TextEncoder().encode("hello"), isExecutable: false },
];

for (const [name, pack, unpack] of [["tarGz", tarGz, "tar -xzf"], ["zip", zip, "unzip -q"]] as const) {
  const [program = "", ...args] = unpack.split(" ");
  peerTest(`${name}() makes what ${program} unpacks, whatever the order of its files`, [program], async (programs) => {
    const folder = await Deno.makeTempDir({ prefix: "weir-archive-" });
    try {
      const bytes = pack(FILES);
      assert.deepEqual(pack(FILES.toReversed()), bytes);
      await Deno.writeFile(`${folder}/archive`, bytes);
      const unpacked = await run(programs[program] ?? "", [...args, "archive"], { cwd: folder });
      assert.deepEqual(unpacked, { code: 0, stdout: "", stderr: "" });
      for (const { path, content, isExecutable } of FILES) {
        assert.deepEqual(await Deno.readFile(`${folder}/${path}`), content);
        assert.equal(((await Deno.stat(`${folder}/${path}`)).mode ?? 0) & 0o777, isExecutable ? 0o755 : 0o644);
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

Deno.test("targetOf() knows the executables of every platform", async () => {
  using file = await Deno.open(Deno.execPath());
  const head = new Uint8Array(4096);
  await file.read(head);
  assert.equal(targetOf(head)?.triple, Deno.build.target);
  const bytes = (size: number, ...parts: readonly [offset: number, ...bytes: number[]][]) => {
    const made = new Uint8Array(size);
    for (const [offset, ...values] of parts) made.set(values, offset);
    return made;
  };
  const elf = [0, 0x7f, 0x45, 0x4c, 0x46] as const;
  const machO = [0, 0xcf, 0xfa, 0xed, 0xfe] as const;
  const pe = [[0, 0x4d, 0x5a], [0x3c, 0x80], [0x80, 0x50, 0x45]] as const;
  const heads: readonly (readonly [Uint8Array, string | undefined])[] = [
    [bytes(64, [...elf], [18, 0x3e]), "linux-x86_64"],
    [bytes(64, [...elf], [18, 0xb7]), "linux-arm64"],
    [bytes(64, [...elf], [18, 0x08]), undefined],
    [bytes(64, [...machO], [4, 7, 0, 0, 1]), "macos-x86_64"],
    [bytes(64, [...machO], [4, 12, 0, 0, 1]), "macos-arm64"],
    [bytes(256, ...pe.map((part) => [...part] as [number, ...number[]]), [0x84, 0x64, 0x86]), "windows-x86_64"],
    [bytes(256, ...pe.map((part) => [...part] as [number, ...number[]]), [0x84, 0x4c, 0x01]), undefined],
    [bytes(64, [0, 0x4d, 0x5a], [0x3c, 0xff]), undefined],
    [bytes(20), undefined],
    [new TextEncoder().encode("#!/bin/sh\n".padEnd(64)), undefined],
  ];
  for (const [head, wanted] of heads) assert.equal(targetOf(head)?.name, wanted);
});

Deno.test("targetsNamed() names what there is", () => {
  assert.deepEqual(targetsNamed(["linux-arm64", "aarch64-apple-darwin"]).map(({ name }) => name), [
    "linux-arm64",
    "macos-arm64",
  ]);
  assert.throws(() => targetsNamed(["linux"]), /--target must be one of own, linux-x86_64, .*, got "linux"/);
  assert.deepEqual(TARGETS.map(archiveName).filter((name) => name.endsWith(".zip")).length, 1);
});

Deno.test("compileTarget() says in one line what a compiler could not do, and takes nothing for another platform", async () => {
  const folder = await Deno.makeTempDir({ prefix: "weir-compile-" });
  const compiler = `${folder}/deno`;
  const [windows] = targetsNamed(["windows-x86_64"]);
  const before = Deno.env.get("COMPILE_DENO");
  Deno.env.set("COMPILE_DENO", compiler);
  try {
    const failing = `#!/bin/sh
printf 'Check main.ts\\nerror: Writing it\\n\\nCaused by:\\n    0: Setting up base binary.\\n    1: no such host\\n    2: x\\n' >&2
exit 1
`;
    await Deno.writeTextFile(compiler, failing, { mode: 0o755 });
    await assert.rejects(compileTarget(`${folder}/weir.exe`, windows), {
      message: "Cannot build the executable for windows-x86_64: Writing it: Setting up base binary: no such host; " +
        "deno compile takes the runtime of another platform from https://dl.deno.land",
    });
    // A runtime of this machine would make an executable of this machine, whatever it is called.
    const stubborn = `#!/bin/sh
[ -z "$DENORT_BIN" ] || exit 1
while [ "$1" != --output ]; do shift; done
cp "$(command -v sh)" "$2"
`;
    await Deno.writeTextFile(compiler, stubborn, { mode: 0o755 });
    await assert.rejects(compileTarget(`${folder}/weir.exe`, windows), /weir\.exe is one for /);
  } finally {
    if (before === undefined) Deno.env.delete("COMPILE_DENO");
    else Deno.env.set("COMPILE_DENO", before);
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("the tasks run Weir as the executable is run", async () => {
  const { tasks } = JSON.parse(await Deno.readTextFile(new URL("../../../deno.json", import.meta.url)));
  assert.equal(tasks.start.command, ["deno run", V8_FLAGS, ...PERMISSIONS, "main.ts"].join(" "));
  const demo = PERMISSIONS.filter((permission) => permission !== "--allow-write");
  assert.equal(tasks.demo.command, ["deno run", V8_FLAGS, ...demo, "main.ts demo"].join(" "));
});
