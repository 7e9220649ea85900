/** Real servers, started for one test and stopped with it. @module */

import { freePort } from "./ports.ts";
import { until } from "./wait.ts";

/** A server program that listens on loopback. */
export interface PeerServer extends AsyncDisposable {
  readonly port: number;
}

/** Starts a program, waits until `port` answers, and stops it when disposed. `folder` is removed then. */
export async function startServer(command: readonly string[], port: number, folder: string): Promise<PeerServer> {
  const [program = "", ...args] = command;
  const child = new Deno.Command(program, { args, stdin: "null", stdout: "null", stderr: "piped" }).spawn();
  const complaints = new Response(child.stderr).text();
  let over = false;
  void child.status.then(() => over = true);
  const dispose = async () => {
    if (!over) child.kill("SIGTERM");
    await child.status;
    await complaints;
    await Deno.remove(folder, { recursive: true });
  };
  try {
    await until(`${program} answers`, async () => {
      if (over) throw new Error(`${program} ended at once: ${await complaints}`);
      try {
        (await Deno.connect({ hostname: "127.0.0.1", port })).close();
        return true;
      } catch {
        return false;
      }
    }, 60);
  } catch (error) {
    await dispose();
    throw error;
  }
  return { port, [Symbol.asyncDispose]: dispose };
}

/** An nginx that answers every request with `body`, and closes each connection after 100 of them. */
export async function startNginx(program: string, body: string): Promise<PeerServer> {
  const folder = await Deno.makeTempDir({ prefix: "weir-nginx-" });
  const port = freePort();
  const paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) =>
    `${name}_temp_path ${folder}/${name};`
  );
  const user = Deno.uid() === 0 ? "user root;" : "";
  await Deno.writeTextFile(
    `${folder}/nginx.conf`,
    `${user} daemon off; master_process on; worker_processes 1; pid ${folder}/pid; error_log stderr error;
events { worker_connections 1024; }
http {
  access_log off; keepalive_requests 100; ${paths.join(" ")}
  server { listen 127.0.0.1:${port}; location / { return 200 "${body}"; } }
}
`,
  );
  return await startServer([program, "-p", folder, "-c", `${folder}/nginx.conf`, "-e", "stderr"], port, folder);
}

/** A Redis that keeps nothing. */
export async function startRedis(program: string): Promise<PeerServer> {
  const folder = await Deno.makeTempDir({ prefix: "weir-redis-" });
  const port = freePort();
  const settings = ["--bind", "127.0.0.1", "--port", `${port}`, "--dir", folder, "--save", "", "--appendonly", "no"];
  return await startServer([program, ...settings], port, folder);
}

/** PostgreSQL's programs refuse to run as root. */
export function asPostgres(command: readonly string[]): string[] {
  if (Deno.uid() !== 0) return [...command];
  return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", ...command];
}

/** A fresh PostgreSQL; its superuser is `postgres` and needs no password. */
export async function startPostgres(programs: { readonly initdb: string; readonly postgres: string }) {
  const folder = await Deno.makeTempDir({ prefix: "weir-postgres-" });
  const port = freePort();
  if (Deno.uid() === 0) {
    const id = await new Deno.Command("id", { args: ["-u", "postgres"] }).output();
    await Deno.chown(folder, Number(new TextDecoder().decode(id.stdout)), null);
  }
  const data = `${folder}/data`;
  const [program = "", ...args] = asPostgres([
    ...[programs.initdb, "-D", data, "-U", "postgres", "-A", "trust", "--no-sync", "--locale=C"],
  ]);
  const made = await new Deno.Command(program, { args, stdin: "null", cwd: folder }).output();
  if (!made.success) {
    await Deno.remove(folder, { recursive: true });
    throw new Error(`initdb failed: ${new TextDecoder().decode(made.stderr)}`);
  }
  const settings = ["-D", data, "-h", "127.0.0.1", "-p", `${port}`, "-k", folder, "-c", "fsync=off"];
  return await startServer(asPostgres([programs.postgres, ...settings]), port, folder);
}

/** A name of a DNS server. */
export interface DnsName {
  readonly addresses: readonly string[];
  /** Seconds, 1 unless given. */
  readonly ttl?: number;
}

/** A dnsmasq that knows these names, none else of `.test`, and asks nobody. A `port` of its own unless one is given. */
export async function startDnsmasq(
  program: string,
  names: Readonly<Record<string, DnsName>>,
  port = freePort(),
): Promise<PeerServer> {
  const folder = await Deno.makeTempDir({ prefix: "weir-dnsmasq-" });
  const records = Object.entries(names).flatMap(([name, { addresses, ttl = 1 }]) =>
    addresses.map((address) => `--host-record=${name},${address},${ttl}`)
  );
  const settings = ["--keep-in-foreground", "--conf-file=/dev/null", "--pid-file=", "--no-resolv", "--no-hosts"];
  const where = [`--port=${port}`, "--listen-address=127.0.0.1", "--bind-interfaces", "--local=/test/"];
  const user = Deno.uid() === 0 ? ["--user=root"] : [];
  return await startServer([program, ...settings, ...where, ...user, "--log-facility=-", ...records], port, folder);
}
