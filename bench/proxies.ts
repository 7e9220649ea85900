/**
 * The programs that are compared, each with one thread for its traffic, in front of the same nginx.
 *
 * @module
 */

import { findProgram } from "../tests/support/peers.ts";
import { freePort } from "../tests/support/ports.ts";
import { weirCommand } from "../tests/support/program.ts";

/** A proxy that runs. */
export interface Proxy {
  readonly name: string;
  readonly version: string;
  readonly pid: number;
  readonly tcpPort: number;
  readonly tlsPort: number;
  stop(): Promise<void>;
}

/** Files that all share. */
export interface Ground {
  readonly folder: string;
  readonly backendPort: number;
  /** A certificate and its key in one PEM file, as HAProxy wants it, beside cert.pem and key.pem. */
  readonly pem: string;
}

async function version(program: string, flag: string): Promise<string> {
  const { stdout, stderr } = await new Deno.Command(program, { args: [flag] }).output();
  const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  return /(\d+\.\d+\.\d+)/.exec(text)?.[1] ?? "?";
}

function stopper(process: Deno.ChildProcess): () => Promise<void> {
  return async () => {
    try {
      process.kill("SIGTERM");
    } catch { /* it has ended by itself */ }
    await process.status;
  };
}

/** The back end: nginx with one small and one large file. */
export async function startBackend(folder: string): Promise<{ port: number; stop: () => Promise<void> }> {
  const port = freePort();
  await Deno.mkdir(`${folder}/www`, { recursive: true });
  await Deno.writeTextFile(`${folder}/www/small`, "ok\n");
  await Deno.writeFile(`${folder}/www/large`, new Uint8Array(16 * 1024 * 1024));
  await Deno.writeTextFile(
    `${folder}/backend.conf`,
    `
daemon off; worker_processes 1; pid ${folder}/backend.pid; error_log stderr crit;
events { worker_connections 8192; }
http {
  access_log off; keepalive_requests 100000000; sendfile on;
  server { listen 127.0.0.1:${port} backlog=4096; root ${folder}/www; }
}`,
  );
  const process = start(findProgram("nginx") ?? "nginx", ["-c", `${folder}/backend.conf`]);
  return { port, stop: stopper(process) };
}

function start(program: string, args: readonly string[]): Deno.ChildProcess {
  return new Deno.Command(program, { args: [...args], stdin: "null", stdout: "null", stderr: "null" }).spawn();
}

/** Weir, from this folder or the executable that WEIR_PROGRAM names. */
export async function startWeir({ folder, backendPort }: Ground): Promise<Proxy> {
  const [tcpPort, tlsPort] = [freePort(), freePort()];
  const listener = { address: "127.0.0.1", backendGroup: "web" };
  await Deno.writeTextFile(
    `${folder}/weir.json`,
    JSON.stringify({
      admin: { listen: "off" },
      certificates: { bench: { certFile: "cert.pem", keyFile: "key.pem" } },
      backendGroups: { web: { servers: [{ address: "127.0.0.1", port: backendPort }] } },
      listeners: [
        { ...listener, name: "tcp", protocol: "TCP", port: tcpPort },
        { ...listener, name: "tls", protocol: "TCP_SSL", port: tlsPort, tls: { certificate: "bench" } },
      ],
    }),
  );
  const process = weirCommand(["run", "-c", `${folder}/weir.json`], {
    stdin: "null",
    stdout: "null",
    stderr: "null",
  })
    .spawn();
  return { name: "weir", version: Deno.version.deno, pid: process.pid, tcpPort, tlsPort, stop: stopper(process) };
}

/** HAProxy in TCP mode; `undefined` when it is not installed. */
export async function startHaproxy({ folder, backendPort, pem }: Ground): Promise<Proxy | undefined> {
  const program = findProgram("haproxy");
  if (program === undefined) return undefined;
  const [tcpPort, tlsPort] = [freePort(), freePort()];
  await Deno.writeTextFile(
    `${folder}/haproxy.cfg`,
    `
global
  nbthread 1
  maxconn 8000
  ssl-default-bind-options ssl-min-ver TLSv1.2
defaults
  mode tcp
  timeout connect 4s
  timeout client 300s
  timeout server 300s
listen tcp
  bind 127.0.0.1:${tcpPort} backlog 4096
  server s 127.0.0.1:${backendPort}
listen tls
  bind 127.0.0.1:${tlsPort} ssl crt ${pem} backlog 4096
  server s 127.0.0.1:${backendPort}
`,
  );
  const process = start(program, ["-db", "-f", `${folder}/haproxy.cfg`]);
  return {
    name: "haproxy",
    version: await version(program, "-v"),
    pid: process.pid,
    tcpPort,
    tlsPort,
    stop: stopper(process),
  };
}

/** nginx with its stream module, as one process; `undefined` when it is not installed. */
export async function startNginx({ folder, backendPort }: Ground): Promise<Proxy | undefined> {
  const program = findProgram("nginx");
  const module = "/usr/lib/nginx/modules/ngx_stream_module.so";
  if (program === undefined || !(await Deno.stat(module).then(() => true, () => false))) return undefined;
  const [tcpPort, tlsPort] = [freePort(), freePort()];
  await Deno.writeTextFile(
    `${folder}/stream.conf`,
    `
load_module ${module};
daemon off; master_process off; worker_processes 1; pid ${folder}/stream.pid; error_log stderr crit;
events { worker_connections 16000; }
stream {
  ssl_certificate ${folder}/cert.pem; ssl_certificate_key ${folder}/key.pem; ssl_protocols TLSv1.2 TLSv1.3;
  server { listen 127.0.0.1:${tcpPort} backlog=4096; proxy_pass 127.0.0.1:${backendPort}; }
  server { listen 127.0.0.1:${tlsPort} ssl backlog=4096; proxy_pass 127.0.0.1:${backendPort}; }
}`,
  );
  const process = start(program, ["-c", `${folder}/stream.conf`]);
  return {
    name: "nginx",
    version: await version(program, "-v"),
    pid: process.pid,
    tcpPort,
    tlsPort,
    stop: stopper(process),
  };
}
