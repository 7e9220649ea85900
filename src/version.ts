/**
 * The program's version, from deno.json.
 *
 * @module
 */

import project from "../deno.json" with { type: "json" };

/** The program's version. */
export const VERSION: string = project.version;
