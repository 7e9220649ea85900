/**
 * What a change amounts to, in words for reports and for the log. Pure.
 *
 * @module
 */

import { type ListenerChange, nameOf, sameData } from "../config/diff.ts";
import type { Model } from "../config/model.ts";
import type { Refusal } from "../config/renew.ts";
import { formatPath } from "../config/source.ts";
import type { ConfigProblem } from "../errors.ts";

/** What one listener's change amounted to, for people and programs. */
export interface ReportedChange {
  readonly listener: string;
  readonly action: ListenerChange["kind"];
  /** The settings that changed, for `update` and `replace`. */
  readonly settings: readonly string[];
}

/** The settings outside of the listeners that differ. */
export function changedGenerally(before: Model, next: Model): string[] {
  const keys = ["admin", "log", "dnsServers", "drainTimeout", "graceTime", "maxWorkers", "watchCertificates"] as const;
  return keys.filter((key) => !sameData(before[key], next[key]));
}

/** Where an entry of the certificate store stands in the configuration. */
export function pathOf({ kind, name }: Refusal): string {
  return formatPath([kind === "certificate" ? "certificates" : "clientCAs", name]);
}

/** What was changed at run time gives way to the file, and never in silence. */
export function lostWarning(file: string, path: string): ConfigProblem {
  const message = "was changed through the admin API without being saved; the file holds again";
  return { file, line: 0, column: 0, path, message };
}

/** One listener's change. */
export function reported(change: ListenerChange): ReportedChange {
  return {
    listener: nameOf(change),
    action: change.kind,
    settings: "changed" in change ? change.changed : [],
  };
}

/** The whole change on one line. */
export function summary(changes: readonly ListenerChange[], general: readonly string[]): string {
  const parts = [
    ...changes.map((change) => {
      const { action, listener, settings } = reported(change);
      return `${action} "${listener}"${settings.length > 0 ? ` (${settings.join(", ")})` : ""}`;
    }),
    ...general,
  ];
  return parts.length === 0 ? "no change" : parts.join("; ");
}
