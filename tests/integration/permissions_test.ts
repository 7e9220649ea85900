/** What a worker may do: the network, and nothing else. @module */

import assert from "node:assert/strict";
import { freePort } from "../support/ports.ts";
import { SupervisorBench, tcp } from "./bench.ts";

Deno.test("workers may use the network and may not read, write, run, look at the environment or load code", async () => {
  await using bench = new SupervisorBench();
  await bench.apply(tcp("web", freePort(), [1]));
  const options = bench.workers[0]?.options;
  assert.ok(options !== undefined);
  const url = new URL("./permissions_worker.ts", import.meta.url);
  const worker = new Worker(url, { ...options, name: "permissions" });
  const result = Promise.withResolvers<unknown>();
  worker.onmessage = ({ data }) => result.resolve(data);
  worker.onerror = (event) => {
    event.preventDefault();
    result.reject(new Error(event.message));
  };
  assert.deepEqual(await result.promise, {
    net: "granted",
    read: "NotCapable",
    write: "NotCapable",
    env: "NotCapable",
    run: "NotCapable",
    sys: "NotCapable",
    ffi: "NotCapable",
    import: "TypeError",
  });
  worker.terminate();
});
