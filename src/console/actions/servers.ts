/**
 * Draining and resuming a server, and giving it another weight until the configuration is read again.
 *
 * @module
 */

import type { OverrideScope, ServerOverride } from "../../config/runtime.ts";
import { referenceIn } from "../../admin/server_routes.ts";
import type { RuntimeView } from "../../admin/views.ts";
import type { Note } from "../notes.ts";
import { groupPath, listenerPath } from "../paths.ts";
import { errorNote, type FormResult } from "../respond.tsx";
import type { AddForm } from "./reload.ts";

/** What changing servers needs. */
export interface ServerActionDependencies {
  view(): RuntimeView;
  /** Makes the change serve. Throws when it cannot. */
  override(scope: OverrideScope, server: string, change: ServerOverride): Promise<void>;
}

/** Adds the actions. */
export function addServerActions(post: AddForm, { view, override }: ServerActionDependencies): void {
  const apply = async (scope: OverrideScope, server: string, change: ServerOverride, done: string) => {
    const path = scope.kind === "group" ? groupPath(scope.name) : listenerPath(scope.name);
    try {
      const found = referenceIn(scope, view(), server);
      await override(scope, found, change);
      return { kind: "go", path, note: { kind: "done", text: `Server ${found} ${done}.` } } satisfies FormResult;
    } catch (error) {
      return { kind: "go", path, note: await errorNote(error) } satisfies FormResult;
    }
  };
  for (const [section, kind] of [["listeners", "listener"], ["backend-groups", "group"]] as const) {
    post(`/${section}/:name/servers/:server/drain`, (texts, { req }) => {
      const draining = texts.get("drain")?.[0] === "true";
      const done = draining ? "is drained: it takes nothing new" : "takes connections again";
      return apply({ kind, name: req.param("name") ?? "" }, req.param("server") ?? "", { draining }, done);
    });
    post(`/${section}/:name/servers/:server/weight`, (texts, { req }) => {
      const name = req.param("name") ?? "";
      const given = texts.get("weight")?.[0]?.trim() ?? "";
      const weight = /^\d{1,3}$/.test(given) ? Number(given) : NaN;
      if (!(weight <= 100)) {
        const note: Note = { kind: "error", text: `A weight must be between 0 and 100, got "${given}".` };
        return Promise.resolve({
          kind: "go",
          path: kind === "group" ? groupPath(name) : listenerPath(name),
          note,
        });
      }
      const done = `has weight ${weight} until the configuration is read again`;
      return apply({ kind, name }, req.param("server") ?? "", { weight }, done);
    });
  }
}
