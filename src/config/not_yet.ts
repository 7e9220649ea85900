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
  if (parts.names.clientCAs.length > 0) refuse(["clientCAs"], "is");
  if (parts.general.log?.access === "on") refuse(["log", "access"], '"on" is');
  for (const { index, config } of parts.listeners) {
    const path: ConfigPath = ["listeners", index];
    for (const [key, what] of listenerKeys(config)) refuse([...path, ...key], what);
  }
}

function listenerKeys(listener: ListenerConfig): [ConfigPath, string][] {
  const found: [ConfigPath, string][] = [];
  if (listener.ports !== undefined) found.push([["ports"], "is"]);
  if (listener.tls?.authentication === "mutual") found.push([["tls", "authentication"], '"mutual" is']);
  if (listener.tls?.minVersion === "1.3") found.push([["tls", "minVersion"], '"1.3" is']);
  if (listener.acceptProxyProtocol !== undefined && listener.protocol === "TCP_SSL") {
    found.push([["acceptProxyProtocol"], 'for protocol "TCP_SSL" is']);
  }
  if (listener.workers !== 1) found.push([["workers"], "anything but 1 is"]);
  return found;
}
