/**
 * What the contract names and this version cannot do yet. Each is refused by name: accepting a key and ignoring it
 * would be worse than not having it.
 *
 * @module
 */

import type { Findings } from "./findings.ts";
import type { ShapedParts } from "./shape.ts";
import type { ConfigPath } from "./source.ts";

/** Adds an error for every setting that does not work yet. */
export function refuseNotYet(parts: ShapedParts, findings: Findings): void {
  const refuse = (path: ConfigPath, what: string) => {
    if (!findings.hasErrorWithin(path)) findings.error(path, `${what} not supported yet`, true);
  };
  if (parts.general.log?.access === "on") refuse(["log", "access"], '"on" is');
}
