/**
 * Archives that depend on nothing but their content: the same files give the same bytes, whoever packs them, wherever
 * and when.
 *
 * @module
 */

import { crc32, deflateRawSync, gzipSync } from "node:zlib";

/** A file of an archive. */
export interface ArchivedFile {
  /** With slashes, relative. At most 100 bytes. */
  readonly path: string;
  readonly content: Uint8Array;
  readonly isExecutable: boolean;
}

const BLOCK = 512;

/** A .tar.gz in the POSIX ustar format: files in the order of their paths, owned by root, of the beginning of 1970. */
export function tarGz(files: readonly ArchivedFile[]): Uint8Array {
  const parts = inOrder(files).flatMap((file) => {
    const padding = new Uint8Array((BLOCK - file.content.length % BLOCK) % BLOCK);
    return [tarHeader(file), file.content, padding];
  });
  return gzipSync(concat([...parts, new Uint8Array(2 * BLOCK)]), { level: 6 });
}

function tarHeader({ path, content, isExecutable }: ArchivedFile): Uint8Array {
  const header = new Uint8Array(BLOCK);
  const encoder = new TextEncoder();
  const put = (offset: number, text: string) => header.set(encoder.encode(text), offset);
  if (encoder.encode(path).length > 100) throw new Error(`A path in an archive has at most 100 bytes, got "${path}"`);
  put(0, path);
  put(100, isExecutable ? "0000755" : "0000644");
  put(108, "0000000"); // owner
  put(116, "0000000"); // group
  put(124, content.length.toString(8).padStart(11, "0"));
  put(136, "00000000000"); // time of change
  put(148, "        "); // the checksum counts as blanks
  put(156, "0"); // an ordinary file
  put(257, "ustar\x0000");
  const sum = header.reduce((total, byte) => total + byte, 0);
  put(148, `${sum.toString(8).padStart(6, "0")}\0 `);
  return header;
}

/** The first moment that the format can name. */
const DOS_DATE = 1 << 5 | 1;
const UNIX_2_0 = 3 << 8 | 20;

/** A .zip with the same properties; the bits for the executable are there for who unpacks it on Unix. */
export function zip(files: readonly ArchivedFile[]): Uint8Array {
  const parts: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let offset = 0;
  for (const { path, content, isExecutable } of inOrder(files)) {
    const name = new TextEncoder().encode(path);
    const packed = deflateRawSync(content, { level: 6 });
    const common = [
      [2, 20], // version needed
      [2, 1 << 11], // names are UTF-8
      [2, 8], // deflate
      [2, 0],
      [2, DOS_DATE],
      [4, crc32(content)],
      [4, packed.length],
      [4, content.length],
      [2, name.length],
      [2, 0],
    ] as const;
    const local = concat([numbers([[4, 0x04034b50], ...common]), name, packed]);
    const mode = (isExecutable ? 0o100755 : 0o100644) * 0x10000;
    directory.push(
      numbers([[4, 0x02014b50], [2, UNIX_2_0], ...common, [2, 0], [2, 0], [2, 0], [4, mode], [4, offset]]),
      name,
    );
    parts.push(local);
    offset += local.length;
  }
  const index = concat(directory);
  const count = files.length;
  const end = numbers([[4, 0x06054b50], [2, 0], [2, 0], [2, count], [2, count], [4, index.length], [4, offset], [
    2,
    0,
  ]]);
  return concat([...parts, index, end]);
}

function inOrder(files: readonly ArchivedFile[]): ArchivedFile[] {
  return files.toSorted((a, b) => a.path < b.path ? -1 : a.path > b.path ? 1 : 0);
}

/** Little-endian numbers of 2 or 4 bytes, one after the other. */
function numbers(list: readonly (readonly [bytes: 2 | 4, value: number])[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(list.reduce((sum, [bytes]) => sum + bytes, 0)));
  let at = 0;
  for (const [bytes, value] of list) {
    if (bytes === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    at += bytes;
  }
  return new Uint8Array(view.buffer);
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
