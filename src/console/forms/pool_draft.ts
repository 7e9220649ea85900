/**
 * A backend group as it is typed, and back. Pure.
 *
 * @module
 */

import { isMapping } from "../../config/entries.ts";
import { backendGroupSchema } from "../../config/schema.ts";
import { type Draft, fillFrom, inOrder, putAt, settingAt, textOf, textsFrom, type Tree, typed } from "./draft.ts";
import { EMPTY_ROW, rowsIn, rowsOf, serversFrom, textsOfRows } from "./servers.ts";
import { POOL_FIELDS } from "./specs.ts";

const KEYS = Object.keys(backendGroupSchema.shape);

/** How servers are reached, as a form says it. */
export type Reach = "plain" | "tls" | "off";

/** What a form shows of a group. @param settings `undefined` for a new one, @param prefix of its fields' names */
export function poolTexts(settings: unknown, prefix = ""): [string, string[]][] {
  const tls = settingAt(settings, "backendTls");
  const reach: Reach = !isMapping(tls) ? "plain" : tls["enabled"] === false ? "off" : "tls";
  const rows = rowsOf(settingAt(settings, "servers"));
  return [
    ...POOL_FIELDS.map((field): [string, string[]] => [prefix + field.path, textsFrom(settings, field)]),
    [`${prefix}reach`, [reach]],
    [`${prefix}backendTls.ca`, [textOf(settingAt(settings, "backendTls.ca"))]],
    ...textsOfRows(settings === undefined ? [EMPTY_ROW, EMPTY_ROW] : rows, `${prefix}servers.`),
  ];
}

/** The settings that a form means. @param before those that are changed, if any */
export function poolSettings(draft: Draft, before: unknown, prefix = ""): {
  readonly settings: Tree;
  /** For each server the row of the form. */
  readonly rowOf: readonly number[];
} {
  const settings: Tree = {};
  const reach = typed(draft, `${prefix}reach`);
  const { servers, rowOf } = serversFrom(rowsIn(draft, `${prefix}servers.`), settingAt(before, "servers"));
  fillFrom(settings, draft, {
    before,
    prefix,
    fields: POOL_FIELDS.filter(({ path }) => reach !== "plain" || !path.startsWith("backendTls.")),
  });
  putAt(settings, "servers", servers);
  if (reach === "tls" || reach === "off") {
    const ca = typed(draft, `${prefix}backendTls.ca`).trim();
    if (ca !== "") putAt(settings, "backendTls.ca", ca);
    if (reach === "off") putAt(settings, "backendTls.enabled", false);
    else if (settings["backendTls"] === undefined) putAt(settings, "backendTls", {});
  }
  return { settings: inOrder(settings, KEYS), rowOf };
}
