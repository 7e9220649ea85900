/** What Weir is released for. @module */

/** One platform. */
export interface Target {
  /** As Deno names it. */
  readonly triple: string;
  /** As the archives name it. */
  readonly name: string;
  /** As Node names it: `process.platform` and `process.arch`. */
  readonly node: { readonly os: "linux" | "darwin" | "win32"; readonly cpu: "x64" | "arm64" };
  /** The executable's name. */
  readonly executable: "weir" | "weir.exe";
}

/** Every platform. */
export const TARGETS: readonly Target[] = [
  {
    triple: "x86_64-unknown-linux-gnu",
    name: "linux-x86_64",
    node: { os: "linux", cpu: "x64" },
    executable: "weir",
  },
  {
    triple: "aarch64-unknown-linux-gnu",
    name: "linux-arm64",
    node: { os: "linux", cpu: "arm64" },
    executable: "weir",
  },
  { triple: "x86_64-apple-darwin", name: "macos-x86_64", node: { os: "darwin", cpu: "x64" }, executable: "weir" },
  { triple: "aarch64-apple-darwin", name: "macos-arm64", node: { os: "darwin", cpu: "arm64" }, executable: "weir" },
  {
    triple: "x86_64-pc-windows-msvc",
    name: "windows-x86_64",
    node: { os: "win32", cpu: "x64" },
    executable: "weir.exe",
  },
];

/** The platform whose executable begins with these bytes (64 are enough, or 4096 on Windows); `undefined` for others. */
export function targetOf(head: Uint8Array): Target | undefined {
  const triple = tripleOf(new DataView(head.buffer, head.byteOffset, head.byteLength));
  return TARGETS.find((target) => target.triple === triple);
}

const ELF = 0x7f454c46;
const MACH_O_64 = 0xfeedfacf;
const DOS = 0x4d5a;

function tripleOf(head: DataView): string | undefined {
  if (head.byteLength < 64) return undefined;
  if (head.getUint32(0) === ELF) {
    // e_machine of ELF
    return { 0x3e: "x86_64-unknown-linux-gnu", 0xb7: "aarch64-unknown-linux-gnu" }[head.getUint16(18, true)];
  }
  if (head.getUint32(0, true) === MACH_O_64) {
    return { 0x01000007: "x86_64-apple-darwin", 0x0100000c: "aarch64-apple-darwin" }[head.getUint32(4, true)];
  }
  if (head.getUint16(0) !== DOS) return undefined;
  // e_lfanew leads to "PE\0\0", behind which the machine stands.
  const header = head.getUint32(0x3c, true);
  if (header + 6 > head.byteLength || head.getUint32(header) !== 0x50450000) return undefined;
  return head.getUint16(header + 4, true) === 0x8664 ? "x86_64-pc-windows-msvc" : undefined;
}
