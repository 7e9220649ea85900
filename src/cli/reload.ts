/** `weir reload`: read the configuration again. @module */

import { z } from "zod";
import { problemSchema } from "../admin/problem.ts";
import { reloadSchema } from "../admin/schemas.ts";
import { formatProblem, WeirError } from "../errors.ts";
import { ADMIN_FLAGS, callAdmin, detailOf } from "./admin_client.ts";
import { type Command, EXIT, JSON_FLAG } from "./command.ts";
import { print, printError, printJson } from "./output.ts";

/** The command. */
export const reloadCommand: Command = {
  name: "reload",
  summary: "Make a running Weir read its configuration again; on any error the old one serves on.",
  usage: "[--admin URL] [--token TOKEN] [--json]",
  flags: [...ADMIN_FLAGS, JSON_FLAG],
  maxRest: 0,
  run: async (given) => {
    const { status, body } = await callAdmin(given, "POST", "/v1/reload");
    if (given.switches.has("json")) printJson(body);
    const done = z.safeParse(reloadSchema, body);
    if (status === 200 && done.success) {
      if (!given.switches.has("json")) print(describe(done.data));
      return EXIT.done;
    }
    const refused = z.safeParse(problemSchema, body);
    if (!refused.success) throw new WeirError("admin_unreachable", detailOf(body));
    if (!given.switches.has("json")) {
      for (const error of refused.data.errors ?? []) printError(formatProblem(error));
      printError(refused.data.detail);
    }
    return refused.data.errors === undefined ? EXIT.failed : EXIT.config;
  },
};

function describe({ changes, general, warnings }: z.infer<typeof reloadSchema>): string {
  const lines = [
    ...warnings.map((warning) => `warning: ${formatProblem(warning)}`),
    ...changes.map(({ action, listener, settings }) =>
      `${action} listener "${listener}"${settings.length > 0 ? ` (${settings.join(", ")})` : ""}`
    ),
    ...general.map((setting) => `update ${setting}`),
  ];
  return lines.length === warnings.length ? [...lines, "Nothing has changed"].join("\n") : lines.join("\n");
}
