/** Files that change together: all of them or none, and never half of one. */

import assert from "node:assert/strict";
import { contentHash } from "../../../src/config/read_file.ts";
import { type FileWrite, writeFiles } from "../../../src/config/write_files.ts";
import { WeirError, type WeirErrorKind } from "../../../src/errors.ts";

/** A folder with files, and what is to be written there. */
class Folder implements AsyncDisposable {
  readonly path = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "weir-test-" }));

  constructor(files: Readonly<Record<string, string>>) {
    for (const [name, content] of Object.entries(files)) Deno.writeTextFileSync(`${this.path}/${name}`, content);
  }

  write(name: string, content: string, more: Partial<FileWrite> = {}): FileWrite {
    return { path: `${this.path}/${name}`, name, content, mode: undefined, expected: undefined, ...more };
  }

  get held(): Record<string, string> {
    const names = [...Deno.readDirSync(this.path)].filter(({ isDirectory }) => !isDirectory).map(({ name }) => name);
    return Object.fromEntries(names.toSorted().map((name) => [name, Deno.readTextFileSync(`${this.path}/${name}`)]));
  }

  mode(name: string): number {
    return (Deno.statSync(`${this.path}/${name}`).mode ?? 0) & 0o777;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}

const fails = (kind: WeirErrorKind, message: RegExp) => (error: unknown) => {
  assert.ok(error instanceof WeirError, String(error));
  assert.equal(error.kind, kind);
  assert.match(error.message, message);
  return true;
};

Deno.test("writeFiles() replaces files, makes new ones and their folders, and leaves nothing else", async () => {
  await using folder = new Folder({ a: "old", b: "untouched" });
  Deno.chmodSync(`${folder.path}/a`, 0o640);
  writeFiles([
    folder.write("a", "new"),
    folder.write("c", "secret", { mode: 0o600 }),
    folder.write("d", "no mode given"),
    folder.write("x/y/e", "deep", { folderMode: 0o700 }),
  ]);
  assert.deepEqual(folder.held, { a: "new", b: "untouched", c: "secret", d: "no mode given" });
  assert.equal(Deno.readTextFileSync(`${folder.path}/x/y/e`), "deep");
  assert.deepEqual(["a", "c", "d", "x", "x/y"].map((name) => folder.mode(name)), [0o640, 0o600, 0o600, 0o700, 0o700]);
});

Deno.test("writeFiles() puts everything back when asked to", async () => {
  await using folder = new Folder({ a: "old" });
  Deno.chmodSync(`${folder.path}/a`, 0o640);
  const undo = writeFiles([
    folder.write("a", "new", { mode: 0o600 }),
    folder.write("b", "new"),
    folder.write("x/c", "new", { folderMode: 0o700 }),
  ]);
  undo();
  assert.deepEqual([folder.held, folder.mode("a")], [{ a: "old" }, 0o640]);
  assert.throws(() => Deno.statSync(`${folder.path}/x`), Deno.errors.NotFound);
});

Deno.test("writeFiles() writes none when one of them cannot be written", async () => {
  await using folder = new Folder({ a: "old", occupied: "a file" });
  const bad: readonly (readonly [FileWrite, RegExp])[] = [
    [
      folder.write("occupied/b", "new", { folderMode: 0o700 }),
      /^Cannot write "occupied\/b": .*not a folder|ENOTDIR|Not a dir/i,
    ],
    [folder.write("nowhere/b", "new"), /^Cannot write "nowhere\/b": no such file$/],
    [folder.write("n".repeat(250), "new"), /^Cannot write "n+": .*too long/],
  ];
  for (const [write, message] of bad) {
    const first = folder.write("x/first", "new", { folderMode: 0o700 });
    assert.throws(() => writeFiles([first, folder.write("a", "new"), write]), fails("write_failed", message));
    assert.deepEqual([...Deno.readDirSync(folder.path)].map(({ name }) => name).toSorted(), ["a", "occupied"]);
    assert.equal(folder.held["a"], "old");
  }
});

Deno.test("writeFiles() overwrites nothing that is not as expected", async () => {
  await using folder = new Folder({ a: "edited meanwhile", b: "there already" });
  const expected = contentHash("old");
  assert.throws(
    () => writeFiles([folder.write("new", "x"), folder.write("a", "new", { expected })]),
    fails("config_changed", /^"a" has changed on disk since it was read; nothing was overwritten: reload first$/),
  );
  assert.throws(
    () => writeFiles([folder.write("new", "x"), folder.write("b", "new", { expected: null })]),
    fails("config_changed", /^"b" is there already; move it away first$/),
  );
  assert.deepEqual(folder.held, { a: "edited meanwhile", b: "there already" });
  writeFiles([
    folder.write("a", "new", { expected: contentHash("edited meanwhile") }),
    folder.write("b", "there already", { expected: null }),
    folder.write("gone", "back again", { expected }),
  ]);
  assert.deepEqual(folder.held, { a: "new", b: "there already", gone: "back again" });
});

Deno.test("writeFiles() knows a file with a byte order mark again, whoever read it", async () => {
  await using folder = new Folder({ a: "\uFEFFtext", b: "\uFEFFtext" });
  writeFiles([
    folder.write("a", "new", { expected: contentHash("\uFEFFtext") }),
    folder.write("b", "new", { expected: contentHash("text") }),
  ]);
  assert.deepEqual(folder.held, { a: "new", b: "new" });
});

Deno.test("writeFiles() writes to what a link leads to, and keeps the link", async () => {
  await using folder = new Folder({ real: "old" });
  Deno.symlinkSync("real", `${folder.path}/link`);
  Deno.symlinkSync("nothing", `${folder.path}/broken`);
  const undo = writeFiles([folder.write("link", "new")]);
  const real = () => Deno.readTextFileSync(`${folder.path}/real`);
  assert.deepEqual([Deno.readLinkSync(`${folder.path}/link`), real()], ["real", "new"]);
  undo();
  assert.deepEqual([Deno.readLinkSync(`${folder.path}/link`), real()], ["real", "old"]);
  assert.throws(
    () => writeFiles([folder.write("link", "new"), folder.write("broken", "new")]),
    fails("write_failed", /^Cannot write "broken": it is a link that leads nowhere$/),
  );
  assert.equal(real(), "old");
});
