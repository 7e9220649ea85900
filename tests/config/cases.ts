/**
 * The golden cases of `cases/`: a configuration, a dashed line, and the errors that it gets. Also the world that all of
 * them are checked in: certificates beside the configuration, environment variables, and a time.
 *
 * @module
 */

import { projectPath } from "../support/program.ts";
import type { ConfigFormat } from "../../src/config/source.ts";
import { selfSigned } from "../../src/demo/self_signed.ts";

const FOLDER = projectPath("tests/config/cases");
const DIVIDER = "---- expected\n";

/** One configuration and what is wrong with it. */
export interface ConfigCase {
  /** The file's name without its ending: `101-unclosed-bracket`. */
  readonly name: string;
  readonly format: ConfigFormat;
  /** What the configuration is called in the expected errors: `weir.yaml` or `weir.json`. */
  readonly file: string;
  readonly text: string;
  /** The expected errors, one a line, in order. */
  readonly expected: readonly string[];
}

/** The time at which cases are checked. */
export const CASE_NOW = new Date("2026-06-01T00:00:00Z");

/** The environment variables that cases may use; `WEIR_CASE_UNSET` is never set. */
export const CASE_ENVIRONMENT: Readonly<Record<string, string>> = {
  WEIR_CASE_PORT: "70000",
  WEIR_CASE_EMPTY: "",
  WEIR_CASE_WORD: "often",
};

/** Reads every case, in the order of their names. */
export function readCases(): ConfigCase[] {
  const names = [...Deno.readDirSync(FOLDER)].map((entry) => entry.name).filter((name) => name.endsWith(".case"));
  return names.sort().map(readCase);
}

function readCase(fileName: string): ConfigCase {
  const content = Deno.readTextFileSync(`${FOLDER}/${fileName}`);
  const at = content.indexOf(DIVIDER);
  if (at < 0) throw new Error(`${fileName} has no line "${DIVIDER.trim()}"`);
  const format = fileName.endsWith(".json.case") ? "json" : "yaml";
  return {
    name: fileName.replace(/\.case$/, ""),
    format,
    file: `weir.${format}`,
    text: content.slice(0, at),
    expected: content.slice(at + DIVIDER.length).trimEnd().split("\n"),
  };
}

/** Makes the files that cases name, by path: certificates that are good, past, to come, mismatched, or none at all. */
export async function makeCaseFiles(): Promise<Readonly<Record<string, string>>> {
  const make = (from: string, to: string) =>
    selfSigned({ name: "weir.test", hosts: ["weir.test"], notBefore: new Date(from), notAfter: new Date(to) });
  const [good, other, expired, future] = await Promise.all([
    make("2020-01-01T00:00:00Z", "2089-01-01T00:00:00Z"),
    make("2020-01-01T00:00:00Z", "2089-01-01T00:00:00Z"),
    make("2001-01-01T00:00:00Z", "2002-01-01T00:00:00Z"),
    make("2090-01-01T00:00:00Z", "2091-01-01T00:00:00Z"),
  ]);
  return {
    "certs/good.pem": good.certPem,
    "certs/good.key": good.keyPem,
    "certs/other.key": other.keyPem,
    "certs/expired.pem": expired.certPem,
    "certs/expired.key": expired.keyPem,
    "certs/future.pem": future.certPem,
    "certs/future.key": future.keyPem,
    "certs/garbage.pem": "This is not a certificate.\n",
  };
}
