/**
 * `acl NAME src ...` with `tcp-request connection accept|reject` as an access list, where the rules come to one
 * whitelist or one blacklist. Pure.
 *
 * @module
 */

import { parseCidr, parseIpv4 } from "../../net/ip.ts";
import type { Proxy } from "./proxy.ts";
import type { Remarks } from "./remarks.ts";
import type { Statement } from "./sections.ts";

/** An IP group as Weir's file has it. */
export type IpGroup = readonly string[] | { readonly file: string };

/** Addresses that rules speak of. */
export interface AddressSet {
  /** What it is called in HAProxy's file. */
  readonly name: string;
  readonly groups: readonly IpGroup[];
}

/** What a section's connection rules come to. */
export interface Access {
  readonly accessControl?: { readonly mode: "whitelist" | "blacklist"; readonly sets: readonly AddressSet[] };
  /** Who sends a PROXY protocol header (`expect-proxy layer4`). */
  readonly headersFrom?: readonly AddressSet[];
}

/** One rule: what is done, with whom. */
interface Rule {
  readonly action: "accept" | "reject";
  /** `undefined`: everybody. */
  readonly sets: readonly AddressSet[] | undefined;
  /** Whether everybody but these is meant. */
  readonly negated: boolean;
}

const VERDICTS: Readonly<Record<string, Rule["action"]>> = {
  accept: "accept",
  reject: "reject",
  "silent-drop": "reject",
};

function verdictOf({ words: [, action = ""] }: Statement): Rule["action"] | undefined {
  return Object.hasOwn(VERDICTS, action) ? VERDICTS[action] : undefined;
}

/**
 * Reads the rules of a section that listens. HAProxy goes through those of connections, of sessions and of contents one
 * after the other; what lets everybody pass in the end says nothing.
 */
export function readAccess(proxy: Proxy, remarks: Remarks): Access {
  const headersFrom: AddressSet[] = [];
  for (const statement of proxy.requestRules) {
    const { line, words: [stage, action, , ...rest] } = statement;
    const say = (advice: string) => remarks.add(line, `"tcp-request ${statement.words.join(" ")}" ${advice}`);
    if (action === "expect-proxy") {
      const condition = readCondition(rest, proxy, line);
      if (condition === undefined || condition.negated) {
        say("is not carried over: write ipGroups and acceptProxyProtocol");
      } else headersFrom.push(...condition.sets ?? [EVERYBODY]);
    } else if (verdictOf(statement) === undefined) say("is not carried over: only accept and reject by src are");
    else if (stage === "content" && verdictOf(statement) === "accept") say("is not needed: bytes are not waited for");
  }
  const accessControl = readVerdicts(proxy, remarks);
  return {
    ...(accessControl === undefined ? {} : { accessControl }),
    ...(headersFrom.length === 0 ? {} : { headersFrom }),
  };
}

function readVerdicts(proxy: Proxy, remarks: Remarks): Access["accessControl"] {
  const stages = ["connection", "session", "content"]
    .map((stage) => proxy.requestRules.filter((rule) => rule.words[0] === stage && verdictOf(rule) !== undefined))
    .filter((rules) => rules.some((rule) => verdictOf(rule) === "reject"));
  const [only, ...more] = stages;
  if (only === undefined) return undefined;
  const rules = only.flatMap((statement): readonly Rule[] => {
    const condition = readCondition(statement.words.slice(2), proxy, statement.line);
    return condition === undefined ? [] : [{ action: verdictOf(statement) ?? "reject", ...condition }];
  });
  const accessControl = more.length > 0 || rules.length < only.length ? undefined : combine(rules);
  if (accessControl !== undefined) return accessControl;
  for (const statement of stages.flat()) sayLost(statement, remarks);
  return undefined;
}

/** Says of a `backend` section that its rules are lost: its servers belong to any listener. */
export function refuseRules(proxy: Proxy, remarks: Remarks): void {
  for (const rule of proxy.requestRules) {
    if (verdictOf(rule) === "reject") sayLost(rule, remarks);
    else remarks.add(rule.line, `"tcp-request ${rule.words.join(" ")}" is not carried over: bytes are not looked into`);
  }
}

/** Says that a rule is lost which kept somebody out. */
function sayLost({ line, words }: Statement, remarks: Remarks): void {
  const rule = `"tcp-request ${words.join(" ")}"`;
  remarks.add(line, `${rule} is not carried over, so EVERYBODY MAY CONNECT: write ipGroups and accessControl`);
}

/** Everybody, as a group. */
export const EVERYBODY: AddressSet = { name: "everybody", groups: [["0.0.0.0/0", "::/0"]] };

/** The one list that rules in this order come to; `undefined` when it takes more than one, or none. */
function combine(rules: readonly Rule[]): Access["accessControl"] {
  const setsOf = (some: readonly Rule[]) => some.flatMap(({ sets }) => sets ?? []);
  const until = rules.findIndex(({ sets }) => sets === undefined);
  const end = until < 0 ? undefined : rules[until]?.action;
  const before = until < 0 ? rules : rules.slice(0, until);
  const [only] = before;
  if (only === undefined) return end === "reject" ? { mode: "blacklist", sets: [EVERYBODY] } : undefined;
  if (before.length === 1 && only.negated) {
    return only.action === "reject" && end !== "reject" ? { mode: "whitelist", sets: setsOf(before) } : undefined;
  }
  if (before.some(({ negated }) => negated)) return undefined;
  if (before.every(({ action }) => action === "reject") && end !== "reject") {
    return { mode: "blacklist", sets: setsOf(before) };
  }
  return before.every(({ action }) => action === "accept") && end === "reject"
    ? { mode: "whitelist", sets: setsOf(before) }
    : undefined;
}

type Condition = Pick<Rule, "sets" | "negated">;

/** `if A or B`, `unless A`, `if !A`, `if { src ... }`; `undefined` for anything else. */
function readCondition(words: readonly string[], proxy: Proxy, line: number): Condition | undefined {
  const [word, ...rest] = words;
  if (word === undefined) return { sets: undefined, negated: false };
  if (word !== "if" && word !== "unless") return undefined;
  const terms = splitTerms(rest);
  const isNegative = terms.length === 1 && terms[0]?.[0] === "!";
  if (terms.length > 1 && terms.some((term) => term[0] === "!")) return undefined;
  const sets = terms.map((term) => readTerm(term, proxy, line));
  if (sets.length === 0 || sets.some((set) => set === undefined)) return undefined;
  return { sets: sets.flatMap((set) => set ?? []), negated: (word === "unless") !== isNegative };
}

/** Terms between `or` and `||`, a `!` before a name as a word of its own. */
function splitTerms(words: readonly string[]): string[][] {
  const terms: string[][] = [[]];
  for (const word of words) {
    if (word === "or" || word === "||") terms.push([]);
    else terms.at(-1)?.push(...word.startsWith("!") && word !== "!" ? ["!", word.slice(1)] : [word]);
  }
  return terms;
}

function readTerm(term: readonly string[], proxy: Proxy, line: number): readonly AddressSet[] | undefined {
  const words = term[0] === "!" ? term.slice(1) : term;
  if (words[0] === "{" && words.at(-1) === "}" && words[1] === "src") {
    const groups = readPatterns(words.slice(2, -1));
    return groups === undefined ? undefined : [{ name: `${proxy.section.name}-line-${line}`, groups }];
  }
  const [name] = words;
  if (name === undefined || words.length !== 1) return undefined;
  const lines = proxy.acls.filter(({ words }) => words[1] === name);
  if (lines.length === 0 || lines.some(({ words }) => words[2] !== "src")) return undefined;
  const groups = lines.map(({ words }) => readPatterns(words.slice(3)));
  if (groups.some((group) => group === undefined)) return undefined;
  const all = groups.flatMap((group) => group ?? []);
  const lists = all.filter((group): group is readonly string[] => Array.isArray(group)).flat();
  const files = all.filter((group) => !Array.isArray(group));
  return [{ name, groups: [...(lists.length === 0 ? [] : [lists]), ...files] }];
}

function readPatterns(words: readonly string[]): readonly IpGroup[] | undefined {
  const addresses: string[] = [];
  const files: IpGroup[] = [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? "";
    if (word === "-f") files.push({ file: words[++at] ?? "" });
    else if (word === "-m" && words[at + 1] === "ip") at++;
    else if (word === "-i" || word === "-n" || word === "--") continue;
    else {
      const block = readBlock(word);
      if (block === undefined) return undefined;
      addresses.push(block);
    }
  }
  const groups = [...(addresses.length === 0 ? [] : [addresses]), ...files];
  return groups.length === 0 ? undefined : groups;
}

/** A CIDR block, also from a mask in dotted form. */
function readBlock(text: string): string | undefined {
  if (parseCidr(text) !== undefined) return text;
  const [address = "", mask = ""] = text.split("/");
  const bits = parseIpv4(mask)?.map((byte) => byte.toString(2).padStart(8, "0")).join("");
  if (bits === undefined || !/^1*0*$/.test(bits)) return undefined;
  const block = `${address}/${bits.replaceAll("0", "").length}`;
  return parseCidr(block) === undefined ? undefined : block;
}
