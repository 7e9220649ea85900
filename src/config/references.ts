/**
 * References from one place of the configuration to another.
 *
 * @module
 */

import { suggestion } from "../text/nearest.ts";
import { showText } from "../text/show_text.ts";
import type { Findings } from "./findings.ts";
import type { ConfigPath } from "./source.ts";

/**
 * Adds an error for a reference to nothing.
 *
 * @param name what is referred to; `undefined` when nothing is
 * @param kind what it would be: `certificate`
 * @param defined every name of that kind
 */
export function checkReference(
  path: ConfigPath,
  name: string | undefined,
  { kind, defined }: { readonly kind: string; readonly defined: readonly string[] },
  findings: Findings,
): void {
  if (name === undefined || defined.includes(name)) return;
  const hint = suggestion(name, defined) ||
    (defined.length === 0 ? "; none is defined" : `; defined are ${defined.slice(0, 10).join(", ")}`);
  findings.error(path, `must be the name of a defined ${kind}, got ${showText(name)}${hint}`);
}
