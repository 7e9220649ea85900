/**
 * What commands print: plain lines, tables, JSON; colour on terminals that want it.
 *
 * @module
 */

import { messageOf, WeirError } from "../errors.ts";

export { formatBytes, formatDuration } from "../text/units.ts";

const encoder = new TextEncoder();

/**
 * Writes to standard output. @returns whether somebody still reads it
 *
 * @throws {WeirError} `write_failed`, when it leads to a disk that is full, say
 */
export function print(text: string, end = "\n"): boolean {
  try {
    return writeAll(Deno.stdout, `${text}${end}`);
  } catch (error) {
    throw new WeirError("write_failed", `Cannot write to standard output: ${messageOf(error)}`, { cause: error });
  }
}

/** Writes to standard error; when that cannot be written to there is nobody left to tell. */
export function printError(text: string): void {
  try {
    writeAll(Deno.stderr, `${text}\n`);
  } catch {
    // what the exit code says has to do
  }
}

function writeAll(stream: { writeSync(bytes: Uint8Array): number }, text: string): boolean {
  let bytes = encoder.encode(text);
  try {
    while (bytes.length > 0) bytes = bytes.subarray(stream.writeSync(bytes));
    return true;
  } catch (error) {
    // The reader has gone (`weir status | head -1`): nothing left to say, and no reason to complain.
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
    return false;
  }
}

/** Prints a value as JSON. */
export function printJson(value: unknown): void {
  print(JSON.stringify(value, null, 2));
}

/** Lays rows out in columns; the first row is the heading. Columns of numbers are aligned to the right. */
export function table(rows: readonly (readonly string[])[]): string {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from(
    { length: columns },
    (_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)),
  );
  const numeric = widths.map((_, column) =>
    rows.slice(1).every((row) => /^[\d.,]*( ?[kMGT]?B)?$/.test(row[column] ?? ""))
  );
  return rows.map((row) =>
    widths.map((width, column) => {
      const cell = row[column] ?? "";
      return numeric[column] === true && rows.length > 1 ? cell.padStart(width) : cell.padEnd(width);
    }).join("  ").trimEnd()
  ).join("\n");
}

const COLOURS = { red: 31, green: 32, yellow: 33, dim: 2, bold: 1 } as const;

/** Colours text when standard output is a terminal and `NO_COLOR` is not set. */
export function colour(name: keyof typeof COLOURS, text: string): string {
  const wanted = Deno.stdout.isTerminal() && (Deno.env.get("NO_COLOR") ?? "") === "";
  return wanted ? `\x1b[${COLOURS[name]}m${text}\x1b[0m` : text;
}
