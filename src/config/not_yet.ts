/**
 * What the contract names and this version cannot do yet. Each is refused by name: accepting a key and ignoring it
 * would be worse than not having it.
 *
 * @module
 */

import type { Findings } from "./findings.ts";
import type { ShapedParts } from "./shape.ts";
import type { ListenerConfig } from "./schema.ts";
import type { ConfigPath } from "./source.ts";

/** Adds an error for every setting that does not work yet. */
export function refuseNotYet(parts: ShapedParts, findings: Findings): void {
  const refuse = (path: ConfigPath, what: string) => {
    if (!findings.hasErrorWithin(path)) findings.error(path, `${what} not supported yet`, true);
  };
  for (const { index, config } of parts.listeners) {
    const path: ConfigPath = ["listeners", index];
    for (const [key, what] of listenerKeys(config)) refuse([...path, ...key], what);
  }
}

function listenerKeys(listener: ListenerConfig): [ConfigPath, string][] {
  const found: [ConfigPath, string][] = [];
  if (listener.workers !== 1) found.push([["workers"], "anything but 1 is"]);
  return found;
}
