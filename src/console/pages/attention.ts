/**
 * What an operator should look at now. Pure.
 *
 * @module
 */

import { notAfter, storedCertificates } from "../../admin/certificates.ts";
import type { RuntimeView } from "../../admin/views.ts";
import { unsavedPaths } from "../../config/accepted.ts";
import { counted } from "../parts/words.ts";
import { certificatePath, groupPath, listenerPath } from "../paths.ts";

/** Days before its end from which on a certificate is warned of. */
export const WARN_DAYS = 30;

/** Something to look at. */
export interface Concern {
  readonly severity: "warning" | "error";
  readonly text: string;
  /** The page to look at; `null` when it is this one. */
  readonly path: string | null;
}

/** Everything, errors first. */
export function attention(view: RuntimeView): Concern[] {
  const found = [...listenerConcerns(view), ...certificateConcerns(view), ...nameConcerns(view)];
  if (view.lastReload?.ok === false) {
    found.push({ severity: "error", text: "The configuration file was refused at the last reload", path: null });
  }
  const unsaved = unsavedPaths(view.accepted).length;
  if (unsaved > 0) {
    const text = `${counted(unsaved, "change")} ${unsaved === 1 ? "is" : "are"} not saved to the configuration file`;
    found.push({ severity: "warning", text, path: null });
  }
  return found.toSorted((a, b) => Number(a.severity === "warning") - Number(b.severity === "warning"));
}

function listenerConcerns(view: RuntimeView): Concern[] {
  return [...view.model.listeners.values()].flatMap(({ name, pool }) => {
    const path = listenerPath(name);
    const state = view.stateOf(name) ?? "draining";
    const bad = pool.servers.filter(({ key }) => view.boards.server(name, key)?.health === "Abnormal");
    const found: Concern[] = [];
    if (state !== "accepting") {
      found.push({ severity: "error", text: `Listener ${name} is not accepting: it is ${state}`, path });
    }
    if (pool.servers.length === 0) {
      found.push({ severity: "error", text: `Listener ${name} has no servers`, path });
    } else if (bad.length === pool.servers.length) {
      found.push({ severity: "error", text: `Every server of listener ${name} is Abnormal`, path });
    } else if (bad.length > 0) {
      const some = bad.slice(0, 3).map(({ key }) => key).join(", ");
      const more = bad.length > 3 ? ` and ${bad.length - 3} more` : "";
      const text = `${some}${more} of listener ${name} ${bad.length === 1 ? "is" : "are"} Abnormal`;
      found.push({ severity: "warning", text, path });
    }
    return found;
  });
}

function certificateConcerns(view: RuntimeView): Concern[] {
  const expiring = storedCertificates(view).flatMap((entry): Concern[] => {
    const days = Math.floor((notAfter(entry) * 1000 - view.takenAt.getTime()) / 86_400_000);
    if (days >= WARN_DAYS) return [];
    const title = `${entry.kind === "certificate" ? "Certificate" : "Client CA"} ${entry.name}`;
    return [{
      severity: days < 0 || entry.users.length > 0 && days < 7 ? "error" : "warning",
      text: days < 0 ? `${title} has expired` : `${title} expires in ${counted(days, "day")}`,
      path: certificatePath(entry.kind, entry.name),
    }];
  });
  const refused = (view.lastRenewal?.refused ?? []).map(({ name, kind }): Concern => ({
    severity: "error",
    text: `The changed files of ${kind === "certificate" ? "certificate" : "client CA"} ${name} were refused`,
    path: certificatePath(kind, name),
  }));
  return [...expiring, ...refused];
}

function nameConcerns(view: RuntimeView): Concern[] {
  return [...view.names].flatMap(([name, { error }]): Concern[] => {
    if (error === null) return [];
    const group = [...view.model.groups].find(([, pool]) => pool.names.includes(name))?.[0];
    const listener = [...view.model.listeners.values()].find(({ pool }) => pool.names.includes(name))?.name;
    if (group === undefined && listener === undefined) return [];
    const path = group !== undefined ? groupPath(group) : listenerPath(listener ?? "");
    return [{ severity: "warning", text: `The host name ${name} cannot be resolved`, path }];
  });
}
