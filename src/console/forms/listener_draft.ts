/**
 * A listener as it is typed, and back. Pure.
 *
 * @module
 */

import { isMapping } from "../../config/entries.ts";
import { listenerSchema } from "../../config/schema.ts";
import {
  type Draft,
  fillFrom,
  inOrder,
  numberIn,
  putAt,
  settingAt,
  textOf,
  textsFrom,
  type Tree,
  typed,
} from "./draft.ts";
import { poolSettings, poolTexts } from "./pool_draft.ts";
import { LISTENER_FIELDS } from "./specs.ts";

const KEYS = Object.keys(listenerSchema.shape);

/** Fields of the servers that a listener has of its own. */
export const OWN_POOL = "backends.";

/** What the choice of a backend group says for servers of the listener's own. */
export const OWN_GROUP = "";

/** Settings that a draft means, and where their servers come from. */
export interface DraftedSettings {
  readonly settings: Tree;
  /** For each server the row of the form. */
  readonly rowOf: readonly number[];
  /** What no settings can say, by field. */
  readonly errors: Readonly<Record<string, readonly string[]>>;
}

/** What a form shows of a listener. @param settings `undefined` for a new one */
export function listenerTexts(settings: unknown): Map<string, string[]> {
  const { port, ports } = isMapping(settings) ? settings : {};
  const many = (path: string) => {
    const value = settingAt(settings, path);
    return Array.isArray(value) ? value.map(textOf) : [];
  };
  const [certificate = "", ...others] = settingAt(settings, "tls.certificates") === undefined
    ? [textOf(settingAt(settings, "tls.certificate"))]
    : many("tls.certificates");
  return new Map([
    ...LISTENER_FIELDS.map((field): [string, string[]] => [field.path, textsFrom(settings, field)]),
    ["name", [textOf(settingAt(settings, "name"))]],
    ["port", [textOf(port ?? ports)]],
    ["tls.certificate", [certificate]],
    ["tls.certificates", others],
    ["tls.clientCA", [textOf(settingAt(settings, "tls.clientCA"))]],
    ["accessControl.mode", [textOf(settingAt(settings, "accessControl.mode"))]],
    ["accessControl.groups", many("accessControl.groups")],
    ["acceptProxyProtocol.from", many("acceptProxyProtocol.from")],
    ["tags", [tagLines(settingAt(settings, "tags"))]],
    ["backendGroup", [textOf(settingAt(settings, "backendGroup"))]],
    ...poolTexts(settingAt(settings, "backends"), OWN_POOL),
  ]);
}

/** The settings that a form means. @param before those that are changed, if any */
export function listenerSettings(draft: Draft, before: unknown): DraftedSettings {
  const settings: Tree = {};
  const errors: Record<string, string[]> = {};
  const isTls = typed(draft, "protocol") === "TCP_SSL";
  const mode = typed(draft, "accessControl.mode");
  const from = draft.get("acceptProxyProtocol.from") ?? [];
  putAt(settings, "name", typed(draft, "name").trim());
  fillFrom(settings, draft, {
    before,
    fields: LISTENER_FIELDS.filter(({ path }) =>
      (isTls || !path.startsWith("tls.")) && (from.length > 0 || !path.startsWith("acceptProxyProtocol."))
    ),
  });
  const port = typed(draft, "port").trim();
  if (port !== "") putAt(settings, /^\d+\s*[-,]/.test(port) ? "ports" : "port", numberIn(port.replaceAll(" ", "")));
  if (isTls) fillTls(settings, draft);
  if (mode !== "") {
    putAt(settings, "accessControl.mode", mode);
    putAt(settings, "accessControl.groups", [...draft.get("accessControl.groups") ?? []]);
  }
  if (from.length > 0) putAt(settings, "acceptProxyProtocol.from", [...from]);
  const { tags, faults } = tagsIn(typed(draft, "tags"));
  if (faults.length > 0) errors["tags"] = faults;
  if (Object.keys(tags).length > 0) putAt(settings, "tags", tags);
  const group = typed(draft, "backendGroup");
  if (group !== OWN_GROUP) {
    putAt(settings, "backendGroup", group);
    return { settings: inOrder(settings, KEYS), rowOf: [], errors };
  }
  const own = poolSettings(draft, settingAt(before, "backends"), OWN_POOL);
  putAt(settings, "backends", own.settings);
  return { settings: inOrder(settings, KEYS), rowOf: own.rowOf, errors };
}

function fillTls(settings: Tree, draft: Draft): void {
  const certificate = typed(draft, "tls.certificate").trim();
  const others = (draft.get("tls.certificates") ?? []).filter((name) => name !== certificate);
  if (others.length > 0) {
    putAt(settings, "tls.certificates", [...(certificate === "" ? [] : [certificate]), ...others]);
  } else if (certificate !== "") putAt(settings, "tls.certificate", certificate);
  // Without any the section is missing, which the checks say.
  const clientCA = typed(draft, "tls.clientCA").trim();
  if (clientCA !== "") putAt(settings, "tls.clientCA", clientCA);
}

function tagLines(tags: unknown): string {
  return isMapping(tags) ? Object.entries(tags).map(([key, value]) => `${key}: ${textOf(value)}`).join("\n") : "";
}

function tagsIn(text: string): { readonly tags: Record<string, string>; readonly faults: string[] } {
  const tags = new Map<string, string>();
  const faults: string[] = [];
  for (const line of text.split("\n").map((one) => one.trim()).filter((one) => one !== "")) {
    const colon = line.indexOf(":");
    const key = line.slice(0, colon).trim();
    if (colon < 1 || key === "") faults.push(`must be one "key: value" a line, got ${JSON.stringify(line)}`);
    else if (tags.has(key)) faults.push(`has the key ${JSON.stringify(key)} twice`);
    else tags.set(key, line.slice(colon + 1).trim());
  }
  return { tags: Object.fromEntries(tags), faults };
}
