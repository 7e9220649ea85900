/** What `deno task packages` has built before it runs these tests. @module */

import { projectPath } from "../support/program.ts";
import { targetsNamed } from "../../scripts/release/compile_target.ts";
import { archiveName, archiveTitle } from "../../scripts/release/release.ts";

/** The folder with the packages of this machine's platform. */
export const BUILT = projectPath(".cache/packages");

/** This machine's platform. */
export const OWN = targetsNamed(["own"])[0] ?? fail();

function fail(): never {
  throw new Error("There is no release for this machine");
}

/** Its archive, and the folder in that. */
export const ARCHIVE = { name: archiveName(OWN), title: archiveTitle(OWN) };

/** A folder that goes when it is disposed. */
export async function temporaryFolder(): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = await Deno.makeTempDir({ prefix: "weir-package-" });
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

/** Serves answers over HTTP on loopback. */
export function serveHttp(
  answer: (url: URL) => Response | Promise<Response>,
): { readonly origin: string } & AsyncDisposable {
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    (request) => answer(new URL(request.url)),
  );
  return { origin: `http://127.0.0.1:${server.addr.port}`, [Symbol.asyncDispose]: () => server.shutdown() };
}
