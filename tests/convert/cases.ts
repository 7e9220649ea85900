/**
 * The golden cases of `cases/`: a HAProxy configuration, then, each after a dashed line, the YAML and the remarks that
 * it gets, or the one error.
 *
 * @module
 */

import { projectPath } from "../support/program.ts";

const FOLDER = projectPath("tests/convert/cases");

/** One HAProxy configuration and what becomes of it. */
export interface ConvertCase {
  /** The file's name without its ending: `101-listen`. */
  readonly name: string;
  readonly text: string;
  /** The expected YAML; `undefined` for a case that is an error. */
  readonly yaml: string | undefined;
  /** The expected remarks as `line: message`, or the one error. */
  readonly lines: readonly string[];
}

/** What HAProxy's file is called in all of them. */
export const CASE_FILE = "haproxy.cfg";

/** Reads every case, in the order of their names. */
export function readConvertCases(): readonly ConvertCase[] {
  const names = [...Deno.readDirSync(FOLDER)].map((entry) => entry.name).filter((name) => name.endsWith(".case"));
  return names.sort().map((fileName) => {
    const [text = "", ...parts] = Deno.readTextFileSync(`${FOLDER}/${fileName}`).split(/^---- /m);
    const part = (title: string) => parts.find((one) => one.startsWith(`${title}\n`))?.slice(title.length + 1);
    const lines = part("remarks") ?? part("error");
    if (lines === undefined) throw new Error(`${fileName} has neither "---- remarks" nor "---- error"`);
    return {
      name: fileName.replace(/\.case$/, ""),
      text,
      yaml: part("yaml"),
      lines: lines.split("\n").filter((line) => line !== ""),
    };
  });
}
