/**
 * The golden cases of `cases/`: a configuration, a dashed line, and the errors that it gets. Also the world that all of
 * them are checked in: certificates beside the configuration, environment variables, and a time.
 *
 * @module
 */

import { projectPath } from "../support/program.ts";
import type { ConfigFormat } from "../../src/config/source.ts";
import { selfSigned } from "../../src/demo/self_signed.ts";
import { issue, issueChain } from "../support/authority.ts";

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

/**
 * Makes the files that cases name, by path: certificates that are good, past, to come, mismatched, or none at all;
 * chains in order and out of order; and client CAs.
 */
export async function makeCaseFiles(): Promise<Readonly<Record<string, string>>> {
  const make = (from: string, to: string) =>
    selfSigned({ name: "weir.test", hosts: ["weir.test"], notBefore: new Date(from), notAfter: new Date(to) });
  const [good, other, expired, future] = await Promise.all([
    make("2020-01-01T00:00:00Z", "2089-01-01T00:00:00Z"),
    make("2020-01-01T00:00:00Z", "2089-01-01T00:00:00Z"),
    make("2001-01-01T00:00:00Z", "2002-01-01T00:00:00Z"),
    make("2090-01-01T00:00:00Z", "2091-01-01T00:00:00Z"),
  ]);
  const { root, intermediate, leaf } = await issueChain("weir.test");
  const [stranger, oldRoot, oldCa, first] = await Promise.all([
    issue({ name: "Stranger", ca: true }),
    issue({ name: "Old root", ca: true, to: "2001-01-01T00:00:00Z", from: "2000-01-01T00:00:00Z", issuer: root }),
    issue({ name: "Old CA", ca: true, to: "2026-05-01T00:00:00Z" }),
    issue({ name: "First", version: 1 }),
  ]);
  const oldLeaf = await issue({ name: "weir.test", issuer: oldRoot });
  const join = (...all: readonly { readonly certPem: string }[]) => all.map((one) => one.certPem).join("");
  const broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
  return {
    "certs/chain.pem": join(leaf, intermediate, root),
    "certs/chain.key": leaf.keyPem,
    "certs/chain-reversed.pem": join(root, intermediate, leaf),
    "certs/chain-gap.pem": join(leaf, root),
    "certs/chain-order.pem": join(leaf, root, intermediate),
    "certs/chain-stranger.pem": join(leaf, intermediate, stranger),
    "certs/chain-twice.pem": join(leaf, leaf, intermediate),
    "certs/chain-broken.pem": join(leaf) + broken,
    "certs/chain-cut.pem": join(leaf) + join(intermediate).slice(0, 300),
    "certs/chain-old.pem": join(oldLeaf, oldRoot),
    "certs/chain-old.key": oldLeaf.keyPem,
    "certs/version1.pem": first.certPem,
    "certs/version1.key": first.keyPem,
    "certs/encrypted.key": leaf.keyPem.replaceAll("PRIVATE", "ENCRYPTED PRIVATE"),
    "certs/encrypted-old.key": leaf.keyPem.replaceAll("PRIVATE", "EC PRIVATE")
      .replace("KEY-----\n", "KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,D948050C65C17A16\n\n"),
    "certs/two.key": leaf.keyPem + root.keyPem,
    "certs/ca.pem": root.certPem,
    "certs/ca-and-leaf.pem": join(root, leaf),
    "certs/ca-old.pem": join(root, oldCa),
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
