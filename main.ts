/**
 * Weir, a load balancer for TCP and TCP-SSL. Hands the arguments to the command line.
 *
 * @module
 */

import { main } from "./src/cli/main.ts";

if (import.meta.main) Deno.exit(await main(Deno.args));
