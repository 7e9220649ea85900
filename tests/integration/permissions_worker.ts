/**
 * Tries everything that a worker of Weir must not be able to do, and tells what came of it.
 *
 * @module
 */

const scope = self as unknown as DedicatedWorkerGlobalScope;

async function attempt(work: () => unknown): Promise<string> {
  try {
    await work();
    return "granted";
  } catch (error) {
    return error instanceof Error ? error.name : String(error);
  }
}

scope.postMessage({
  net: await attempt(() => Deno.listen({ hostname: "127.0.0.1", port: 0 }).close()),
  read: await attempt(() => Deno.readTextFile("/etc/hostname")),
  write: await attempt(() => Deno.writeTextFile("/tmp/weir-permissions-test", "")),
  env: await attempt(() => Deno.env.get("HOME")),
  run: await attempt(() => new Deno.Command("true").output()),
  sys: await attempt(() => Deno.hostname()),
  ffi: await attempt(() => Deno.dlopen("/lib/x86_64-linux-gnu/libc.so.6", {})),
  import: await attempt(() => import(`http://127.0.0.1:9/${"code.ts"}`)),
});
