/**
 * The tables and charts of README.md and docs/performance.md, from the results of one run.
 *
 * @module
 */

import { projectPath } from "../tests/support/program.ts";
import { chart } from "./chart.ts";
import { replaceBetween } from "./markers.ts";
import type { Results } from "./results.ts";
import { costTable, failures, fairnessTable, mutualTable, ratioTable, speedTable, threadTable } from "./tables.ts";

const CHART = "docs/images/performance.svg";

/** Writes everything that is made of results. */
export async function writeDocuments(results: Results): Promise<void> {
  await Deno.mkdir(projectPath("docs/images"), { recursive: true });
  await Deno.writeTextFile(projectPath(CHART), chart(results));
  const about = aboutRun(results);
  await rewriteDocument("README.md", { table: ratioTable(results), about });
  await rewriteDocument("docs/performance.md", {
    about,
    cost: costTable(results),
    speed: speedTable(results),
    mutual: mutualTable(results),
    threads: results.threads === null ? "Not measured." : threadTable(results.threads),
    fairness: results.threads === null ? "Not measured." : fairnessTable(results.threads),
  });
}

/** One paragraph: when, where, what, and what failed. */
export function aboutRun({ at, machine, versions, how, ...results }: Results): string {
  const failed = failures({ ...results });
  return [
    `Run of ${at.slice(0, 10)} on ${machine.cpus} processors (${machine.processor}), Linux ${machine.kernel}, load ${
      machine.loadBefore.toFixed(2)
    } before it began; ${Object.entries(versions).map(([name, version]) => `${name} ${version}`).join(", ")}; ${
      how["rounds"]
    } rounds of ${how["seconds"]} s each. `,
    failed.length === 0 ? "No request failed." : `Failed: ${failed.join("; ")}.`,
  ].join("");
}

/** Writes parts of a document between their markers, and formats it. @throws {Error} when a marker is missing */
export async function rewriteDocument(file: string, parts: Readonly<Record<string, string>>): Promise<void> {
  const path = projectPath(file);
  let text = await Deno.readTextFile(path);
  for (const [name, content] of Object.entries(parts)) text = replaceBetween(text, name, content);
  await Deno.writeTextFile(path, text);
  const { success, stderr } = await new Deno.Command(Deno.execPath(), { args: ["fmt", "--quiet", path] }).output();
  if (!success) throw new Error(`Cannot format ${file}: ${new TextDecoder().decode(stderr)}`);
}
