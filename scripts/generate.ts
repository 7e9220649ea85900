/**
 * Writes the files that follow from the source: `deno task generate`. With `--check` it only compares them, names each
 * one that is stale, and exits 1.
 *
 * @module
 */

import { createAdminApi, OPENAPI_INFO } from "../src/admin/api.ts";
import { EventStreams } from "../src/admin/event_streams.ts";
import { ConfigEditor } from "../src/control/config_editor.ts";
import { EventLog } from "../src/control/event_log.ts";
import { print, printError } from "../src/cli/output.ts";
import { configJsonSchema } from "../src/config/json_schema.ts";
import { COMMANDS, HELP } from "../src/cli/commands.ts";
import { VERSION } from "../src/version.ts";
import { renderReference } from "./config_reference.ts";
import { manualPage } from "./manual_page.ts";

/** A generated file: its path in the project, and what it must hold. */
interface Generated {
  readonly path: string;
  readonly content: string;
}

function openApiDocument(): unknown {
  const notServing = () => {
    throw new Error("No request is made of the API that only describes itself");
  };
  const events = new EventLog();
  const api = createAdminApi({
    view: notServing,
    reload: notServing,
    override: notServing,
    change: notServing,
    offerPlace: notServing,
    withdrawOffer: notServing,
    giveWay: notServing,
    editor: new ConfigEditor({ accepted: notServing, change: notServing }),
    token: () => "",
    events,
    eventStreams: new EventStreams({ events, every: notServing }),
    log: () => {},
    takenOffer: null,
  });
  return api.getOpenAPI31Document(OPENAPI_INFO);
}

const json = (data: unknown) => `${JSON.stringify(data, null, 2)}\n`;

/** Makes every generated file anew. */
function generate(): Generated[] {
  return [
    { path: "config/weir.schema.json", content: json(configJsonSchema()) },
    { path: "docs/openapi.json", content: json(openApiDocument()) },
    { path: "docs/configuration.md", content: renderReference(configJsonSchema()) },
    { path: "docs/weir.1", content: manualPage([...COMMANDS, HELP], VERSION) },
  ];
}

const inProject = (path: string) => new URL(`../${path}`, import.meta.url);

function isStale({ path, content }: Generated): boolean {
  try {
    return Deno.readTextFileSync(inProject(path)) !== content;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return true;
    throw error;
  }
}

function main(args: readonly string[]): number {
  const stale = generate().filter(isStale);
  const check = args.includes("--check");
  for (const { path, content } of stale) {
    if (check) printError(`${path} is stale; "deno task generate" writes it anew`);
    else {
      Deno.writeTextFileSync(inProject(path), content);
      print(`wrote ${path}`);
    }
  }
  return check && stale.length > 0 ? 1 : 0;
}

if (import.meta.main) Deno.exit(main(Deno.args));
