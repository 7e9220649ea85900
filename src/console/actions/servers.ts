/**
 * Draining and resuming a server, and giving it another weight until the configuration is read again.
 *
 * @module
 */

import type { OverrideScope, ServerOverride } from "../../config/runtime.ts";
import { findListener } from "../../admin/find.ts";
import { referenceIn } from "../../admin/server_routes.ts";
import type { ConfigEditor } from "../../control/config_editor.ts";
import type { RuntimeView } from "../../admin/views.ts";
import type { Note } from "../notes.ts";
import { persistOf } from "../parts/fields.tsx";
import { groupPath, listenerPath } from "../paths.ts";
import { errorNote, type FormResult } from "../respond.tsx";
import type { AddForm } from "./reload.ts";
import { savedNote } from "./saved.ts";

/** What changing servers needs. */
export interface ServerActionDependencies {
  view(): RuntimeView;
  readonly editor: ConfigEditor;
  /** Makes the change serve. Throws when it cannot. */
  override(scope: OverrideScope, server: string, change: ServerOverride): Promise<void>;
}

/** Adds the actions. */
export function addServerActions(post: AddForm, { view, editor, override }: ServerActionDependencies): void {
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
  const save = async (scope: OverrideScope, server: string, weight: number): Promise<FormResult> => {
    const path = scope.kind === "group" ? groupPath(scope.name) : listenerPath(scope.name);
    try {
      const report = await editor.weigh(ownerOf(scope, view()), server, weight, { persist: true });
      return { kind: "go", path, note: savedNote(`Server ${server} has weight ${weight}`, report) };
    } catch (error) {
      return { kind: "go", path, note: await errorNote(error) };
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
      if (persistOf(texts)) return save({ kind, name }, req.param("server") ?? "", weight);
      const done = `has weight ${weight} until the configuration is read again`;
      return apply({ kind, name }, req.param("server") ?? "", { weight }, done);
    });
  }
}

/** Where the configuration has a listener's servers: in the group that it uses, or in its own. */
function ownerOf(scope: OverrideScope, { model }: RuntimeView): OverrideScope {
  const group = scope.kind === "group" ? null : findListener(model, scope.name).group;
  return group === null ? scope : { kind: "group", name: group };
}
