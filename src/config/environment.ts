/**
 * `${NAME}` and `${NAME:-default}` inside string values.
 *
 * @module
 */

import { showText } from "../text/show_text.ts";
import type { ConfigPath } from "./source.ts";

/** Looks an environment variable up. */
export type Environment = (name: string) => string | undefined;

/** What substitution made of the data. */
export interface Substituted {
  /** The data with every reference replaced. */
  readonly data: unknown;
  /** Where a reference was replaced, for values that must be numbers or switches after all. */
  readonly replaced: readonly ConfigPath[];
  /** References that could not be replaced. */
  readonly problems: readonly { readonly path: ConfigPath; readonly message: string }[];
}

const REFERENCE = /\$(\$)?\{([^}]*)(\}?)/g;
const NAME_AND_DEFAULT = /^([A-Za-z_][A-Za-z0-9_]*)(?::-([\s\S]*))?$/;

/** Replaces every reference in every string of `data`; `$${NAME}` stays as `${NAME}`. */
export function substitute(data: unknown, environment: Environment): Substituted {
  const replaced: ConfigPath[] = [];
  const problems: { path: ConfigPath; message: string }[] = [];

  const inText = (text: string, path: ConfigPath): string => {
    if (!text.includes("${")) return text;
    replaced.push(path);
    return text.replace(REFERENCE, (whole: string, escaped: string | undefined, inner: string, end: string) => {
      if (escaped !== undefined) return whole.slice(1);
      const match = end === "" ? null : NAME_AND_DEFAULT.exec(inner);
      if (match === null) {
        problems.push({
          path,
          message: `must write an environment variable as \${NAME} or \${NAME:-default}, got ${showText(whole)}`,
        });
        return whole;
      }
      const name = match[1] ?? "";
      const value = environment(name);
      // As in a shell, ":-" also stands in for a variable that is set but empty.
      if (match[2] !== undefined) return value === undefined || value === "" ? match[2] : value;
      if (value === undefined) {
        problems.push({
          path,
          message: `environment variable "${name}" is not set; set it or write \${${name}:-default}`,
        });
        return whole;
      }
      return value;
    });
  };

  const walk = (value: unknown, path: ConfigPath): unknown => {
    if (typeof value === "string") return inText(value, path);
    if (Array.isArray(value)) return value.map((item: unknown, index) => walk(item, [...path, index]));
    if (value !== null && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, walk(item, [...path, key])]));
    }
    return value;
  };

  return { data: walk(data, []), replaced, problems };
}
