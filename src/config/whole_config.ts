/**
 * The configuration as a whole, as the admin API shows it and takes it back: every default filled in, the token masked.
 * What comes back as it was shown stays as the file has it, so that defaults do not get written down, `${NAME}` stays
 * `${NAME}`, and the token stays what it is. Pure.
 *
 * @module
 */

import { ConfigError } from "../errors.ts";
import type { ConfigChange, MakeChange } from "./accepted.ts";
import { sameData } from "./diff.ts";
import { isMapping, valueAt } from "./entries.ts";
import type { ConfigEdit } from "./persist.ts";
import type { Config } from "./schema.ts";
import type { ValidConfig } from "./validate.ts";

/** What stands in the place of the token. */
export const MASK = "***";

/** The configuration with every default and without secrets. */
export function shownConfig({ config }: Pick<ValidConfig, "config">): Config {
  return { ...config, admin: { ...config.admin, token: config.admin.token === "" ? "" : MASK } };
}

/**
 * Puts another configuration in the place of the whole.
 *
 * @param given as the file would say it, or as {@link shownConfig} shows it, @param serving what was shown
 */
export function putConfig(given: unknown, serving: ValidConfig): MakeChange {
  const token = valueAt(given, ["admin", "token"]);
  if (token === MASK && serving.config.admin.token === "") throw noToken(serving.source.file);
  const wanted = asWritten(given, shownConfig(serving), serving.source.data);
  return ({ source }): ConfigChange => {
    // A list that gets shorter in its middle: entry by entry, so that comments stay with what they are about.
    const edits = [...listenerEdits(source.data, wanted), { path: [], value: wanted }];
    return { path: [], edits, given: [{ path: [], request: [] }], files: [], leftovers: [] };
  };
}

/**
 * A value that somebody sends back, as the file would say it.
 *
 * @param shown what was shown, with defaults, @param written what the file says of it, if anything
 */
export function asWritten(given: unknown, shown: unknown, written: unknown): unknown {
  if (sameData(given, shown)) return written;
  if (Array.isArray(given)) return listAsWritten(given, shown, written);
  if (!isMapping(given) || !isMapping(shown)) return given;
  const entries = Object.entries(given).flatMap(([key, value]) => {
    const old = Object.hasOwn(shown, key) ? shown[key] : undefined;
    const kept = asWritten(value, old, valueAt(written, [key]));
    return kept === undefined ? [] : [[key, kept] as const];
  });
  // A section of nothing but defaults, some of them missing.
  const isNothing = entries.length === 0 && written === undefined && Object.keys(given).length > 0;
  return isNothing ? undefined : Object.fromEntries(entries);
}

function listAsWritten(given: readonly unknown[], shown: unknown, written: unknown): unknown[] {
  const [before, texts]: (readonly unknown[])[] = [shown, written].map((list) => Array.isArray(list) ? list : []);
  const free = new Set((before ?? []).keys());
  const indexes = given.map((item) => take(free, (index) => sameData(before?.[index], item)));
  return given.map((item, at) => {
    const name = valueAt(item, ["name"]);
    const index = indexes[at] ?? take(free, (one) => {
      // The same name; or, where items have none, the same place in a list as long.
      return name === undefined
        ? one === at && before?.length === given.length
        : valueAt(before?.[one], ["name"]) === name;
    });
    return index === undefined ? item : asWritten(item, before?.[index], texts?.[index]);
  });
}

function take(free: Set<number>, isWanted: (index: number) => boolean): number | undefined {
  const found = [...free].find(isWanted);
  if (found !== undefined) free.delete(found);
  return found;
}

function listenerEdits(raw: unknown, wanted: unknown): ConfigEdit[] {
  const [before, after] = [raw, wanted].map((data) => {
    const list = valueAt(data, ["listeners"]);
    const items: readonly unknown[] = Array.isArray(list) ? list : [];
    return new Map(items.map((item) => [valueAt(item, ["name"]), item]));
  });
  return [...before?.keys() ?? []].flatMap((name): ConfigEdit[] =>
    typeof name === "string" ? [{ path: ["listeners", name], value: after?.get(name) }] : []
  );
}

function noToken(file: string): ConfigError {
  const message = `must not be ${JSON.stringify(MASK)}, which stands for the token that is set, because none is`;
  return new ConfigError([{ file, line: 0, column: 0, path: "admin.token", message, requestPath: "admin.token" }]);
}
