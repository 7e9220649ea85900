/** The small container beside Weir in the Deployment: a changed ConfigMap is taken up. @module */

import assert from "node:assert/strict";
import { parseAllDocuments } from "yaml";
import { z } from "zod";
import { peerTest } from "../support/peers.ts";
import { freePort } from "../support/ports.ts";
import { projectPath, RunningWeir } from "../support/program.ts";
import { until } from "../support/wait.ts";

const deployment = z.object({
  kind: z.literal("Deployment"),
  spec: z.object({
    template: z.object({
      spec: z.object({ containers: z.array(z.object({ name: z.string(), command: z.array(z.string()).optional() })) }),
    }),
  }),
});

/** The script of the container that is called `reload`. */
function reloadScript(): string {
  const text = Deno.readTextFileSync(projectPath("packaging/kubernetes/deployment.yaml"));
  const object = parseAllDocuments(text).map((document) => deployment.safeParse(document.toJS())).find(({ success }) =>
    success
  );
  const containers = object?.data?.spec.template.spec.containers ?? [];
  const [shell, option, script = ""] = containers.find(({ name }) => name === "reload")?.command ?? [];
  assert.deepEqual([shell, option], ["sh", "-c"]);
  return script;
}

peerTest(
  "the container beside Weir has a changed ConfigMap taken up, and goes on when it is refused",
  ["busybox"],
  async ({
    busybox,
  }) => {
    const token = "a-token-of-this-test";
    await using running = await RunningWeir.start({ admin: { token }, listeners: [] });
    // As the kubelet lays out a ConfigMap: a folder for each version, and a link that is swapped.
    const mount = `${running.folder}/mount`;
    await Deno.mkdir(mount);
    let version = 0;
    const publish = async () => {
      const folder = `..version_${++version}`;
      await Deno.mkdir(`${mount}/${folder}`);
      await Deno.symlink(folder, `${mount}/..fresh`);
      await Deno.rename(`${mount}/..fresh`, `${mount}/..data`);
    };
    await publish();
    const script = reloadScript().replaceAll("/etc/weir", mount).replace(":9900/", `:${running.adminPort}/`)
      .replace("sleep 5", "sleep 0.1");
    // Its programs are those of the image: a busybox, and nothing else.
    const bin = `${running.folder}/bin`;
    await Deno.mkdir(bin);
    for (const name of ["sh", "sleep", "readlink", "wget"]) await Deno.symlink(busybox, `${bin}/${name}`);
    const child = new Deno.Command(`${bin}/sh`, {
      args: ["-c", script],
      clearEnv: true,
      env: { PATH: bin, WEIR_ADMIN_TOKEN: token },
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    const listenersNow = async () => {
      const { body } = await running.admin("/v1/listeners", { headers: { authorization: `Bearer ${token}` } });
      return z.object({ listeners: z.array(z.object({ name: z.string() })) }).parse(body).listeners.map(({ name }) =>
        name
      );
    };
    const web = (name: string, port: number) => ({
      admin: { token },
      listeners: [{ name, protocol: "TCP", address: "127.0.0.1", port, backends: { servers: [] } }],
    });
    try {
      await running.write(web("first", freePort()));
      await until("the change serves", async () => {
        // Again and again: what was there when the container began is no change.
        await publish();
        return (await listenersNow())[0] === "first";
      });
      await running.write(web("wrong", 0));
      await publish();
      await until("the error is told of", () => running.log.includes("reload_refused"));
      assert.deepEqual(await listenersNow(), ["first"]);
      await running.write(web("second", freePort()));
      await publish();
      await until("the next change serves", async () => (await listenersNow())[0] === "second");
    } finally {
      child.kill("SIGKILL");
      await child.status;
    }
  },
);
