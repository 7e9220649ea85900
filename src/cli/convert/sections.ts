/**
 * The sections of a HAProxy configuration, with what `defaults` give to them. Pure.
 *
 * @module
 */

import { WeirError } from "../../errors.ts";
import type { Remarks } from "./remarks.ts";
import { tokenize } from "./tokenize.ts";

/** One line with something in it. */
export interface Statement {
  /** 1-based. */
  readonly line: number;
  readonly words: readonly string[];
}

/** A section from its own line to the last before the next one. */
export interface Section {
  /** `global`, `defaults`, `listen`, `frontend`, `backend`, or one that is for other things. */
  readonly kind: string;
  /** Empty for those without one. */
  readonly name: string;
  readonly line: number;
  lastLine: number;
  /** What holds in it: what its `defaults` say, then its own. */
  readonly statements: Statement[];
}

const PROXIES = ["listen", "frontend", "backend"];
const OTHERS = [
  ...["cache", "crt-store", "fcgi-app", "http-errors", "log-forward", "log-profile", "mailers", "peers", "program"],
  ...["resolvers", "ring", "traces", "userlist", "acme"],
];
const KINDS: readonly string[] = ["global", "defaults", ...PROXIES, ...OTHERS];

/**
 * Reads a configuration.
 *
 * @param file what it is called in errors
 * @throws {WeirError} `config_unreadable` when it is none of HAProxy's
 */
export function readSections(file: string, text: string, remarks: Remarks): readonly Section[] {
  const statements = readStatements(file, text, remarks);
  if (!statements.some(({ words }) => KINDS.includes(words[0] ?? ""))) {
    throw refused(file, 1, "there is no section (global, defaults, listen, frontend, backend): not HAProxy's");
  }
  const sections: Section[] = [];
  for (const statement of statements) {
    const { line, words } = statement;
    const section = sections.at(-1);
    const [kind = ""] = words;
    if (KINDS.includes(kind)) sections.push(begin(file, statement, sections));
    else if (section === undefined) throw refused(file, line, `"${kind}" stands in no section`);
    else {
      section.statements.push(statement);
      section.lastLine = line;
    }
  }
  for (const { kind, name, line } of sections) {
    if (!OTHERS.includes(kind)) continue;
    remarks.add(line, `section "${[kind, name].join(" ").trim()}" is left out${otherAdvice(kind)}`);
  }
  return sections;
}

function readStatements(file: string, text: string, remarks: Remarks): Statement[] {
  return text.split(/\r?\n/).flatMap((content, index): Statement[] => {
    const line = index + 1;
    const tokens = tokenize(content);
    if (typeof tokens === "string") throw refused(file, line, tokens);
    for (const name of tokens.variables) {
      remarks.add(line, `\${${name}} is taken from the environment, by Weir as well: set it where Weir runs`);
    }
    const [first = ""] = tokens.words;
    if (/^\.[a-z]/.test(first)) {
      remarks.add(line, `"${first}" is not looked at: what stands between .if and .endif is taken in any case`);
      return [];
    }
    return tokens.words.length === 0 ? [] : [{ line, words: tokens.words }];
  });
}

function begin(file: string, { line, words }: Statement, before: readonly Section[]): Section {
  const [kind = "", ...rest] = words;
  const fromAt = rest.indexOf("from");
  const from = fromAt < 0 ? undefined : rest[fromAt + 1];
  const name = fromAt === 0 ? "" : rest[0] ?? "";
  const isProxy = PROXIES.includes(kind);
  if (isProxy && name === "") throw refused(file, line, `"${kind}" needs a name`);
  const all = before.filter((one) => one.kind === "defaults");
  const base = from === undefined ? isProxy ? all.at(-1) : undefined : all.find((one) => one.name === from);
  if (from !== undefined && base === undefined) throw refused(file, line, `there is no "defaults ${from}" above`);
  return { kind, name, line, lastLine: line, statements: [...base?.statements ?? []] };
}

function otherAdvice(kind: string): string {
  if (kind === "resolvers") return ": Weir looks names up by itself; dns.servers says whom it asks";
  if (kind === "peers") return ": Weir keeps no tables that several machines would share";
  return "";
}

function refused(file: string, line: number, reason: string): WeirError {
  return new WeirError("config_unreadable", `${file}:${line}: ${reason}`);
}
