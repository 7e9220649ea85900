/** What docs/comparison.md says of HAProxy and nginx, as far as those that are installed here can be asked. @module */

import assert from "node:assert/strict";
import { peerTest, run } from "../support/peers.ts";
import { freePort } from "../support/ports.ts";
import { startServer } from "../support/processes.ts";
import { readAll, writeAll } from "../support/servers.ts";
import { testCertificate } from "../support/certificates.ts";
import { until } from "../support/wait.ts";

const HAPROXY = (folder: string, port: number) =>
  `global
  stats socket ${folder}/socket level admin expose-fd listeners
defaults
  mode tcp
  timeout connect 3s
  timeout client 5m
  timeout server 5m
listen rows
  bind 127.0.0.1:${port} accept-proxy
  balance roundrobin
  server a 127.0.0.11:80 check observe layer4 weight 20 slowstart 30s send-proxy
  server b 127.0.0.12:80 check backup send-proxy-v2
backend least
  balance leastconn
  server-template c 2 name.invalid:80 resolvers names init-addr none
backend source
  balance source
  server d 127.0.0.13:80
resolvers names
  nameserver one 127.0.0.1:${port}
frontend page
  mode http
  bind 127.0.0.1:${freePort()} ssl crt ${folder}/www.pem
  stats enable
  stats admin if TRUE
`;

/** Asks HAProxy's Runtime API. */
async function askSocket(path: string, command: string): Promise<string> {
  const connection = await Deno.connect({ transport: "unix", path });
  try {
    await writeAll(connection, new TextEncoder().encode(`${command}\n`));
    return new TextDecoder().decode(await readAll(connection));
  } finally {
    connection.close();
  }
}

/** The processes that a process has started, by number. */
async function childrenOf(pid: number): Promise<string> {
  return (await run("ps", ["--ppid", String(pid), "-o", "pid="])).stdout.split(/\s+/).filter(Boolean).join(" ");
}

/** What listens on a port, by number. */
async function ownerOf(port: number): Promise<number> {
  const { stdout } = await run("ss", ["-ltnpH", `sport = :${port}`]);
  return Number(/pid=(\d+)/.exec(stdout)?.[1]);
}

peerTest("HAProxy: rows of h2 to h8", ["haproxy", "ps", "ss"], async ({ haproxy }) => {
  const folder = await Deno.makeTempDir({ prefix: "weir-haproxy-" });
  const { certPem, keyPem } = await testCertificate();
  await Deno.writeTextFile(`${folder}/www.pem`, certPem + keyPem, { mode: 0o600 });
  const port = freePort();
  await Deno.writeTextFile(`${folder}/haproxy.cfg`, HAPROXY(folder, port));
  const { stdout: built } = await run(haproxy, ["-vv"]);
  assert.match(built, /prometheus-exporter/i);

  await using _haproxy = await startServer([haproxy, "-W", "-db", "-f", `${folder}/haproxy.cfg`], port, folder);
  // The Runtime API: servers, weights, certificates; nothing that makes a listener.
  const commands = await askSocket(`${folder}/socket`, "help");
  for (const command of ["add server", "del server", "set server", "set weight", "set ssl cert"]) {
    assert.match(commands, new RegExp(`^ +${command} `, "m"));
  }
  assert.doesNotMatch(commands, /^ +(add|new|del) (bind|frontend|listener|proxy) /m);

  // A changed configuration is a new process, which takes over the sockets of the one before.
  const parentOf = async (pid: number) => Number((await run("ps", ["-o", "ppid=", "-p", String(pid)])).stdout);
  // At first its master has the port, whose parent is this process.
  const { worker, master } = await until("its worker process has the port", async () => {
    const worker = await ownerOf(port);
    const master = Number.isNaN(worker) ? 0 : await parentOf(worker);
    return master > 0 && master !== Deno.pid && { worker, master };
  });
  const before = await childrenOf(master);
  Deno.kill(master, "SIGUSR2");
  await until("another process has the port", async () => {
    const now = await childrenOf(master);
    return now !== "" && now !== before && await ownerOf(port) !== worker;
  });
});

peerTest("nginx stream: rows of n1 to n4", ["nginx", "ps", "ss"], async ({ nginx }) => {
  const folder = await Deno.makeTempDir({ prefix: "weir-nginx-" });
  const module = "/usr/lib/nginx/modules/ngx_stream_module.so";
  const isModule = await Deno.stat(module).then(() => true, () => false);
  const head = `${isModule ? `load_module ${module};\n` : ""}${Deno.uid() === 0 ? "user root;\n" : ""}
daemon off; master_process on; worker_processes 1; pid ${folder}/pid; error_log stderr error; events {}\n`;
  const port = freePort();
  const configuration = ({ upstream = "", server = "" } = {}) =>
    `${head}stream {
  upstream rows { least_conn; server 127.0.0.11:80 weight=2 max_fails=3 fail_timeout=10s; server 127.0.0.12:80 backup; ${upstream} }
  upstream hashed { hash $remote_addr consistent; server 127.0.0.11:80; }
  upstream any { random; server 127.0.0.11:80; }
  server { listen 127.0.0.1:${port} proxy_protocol; proxy_protocol on; proxy_pass rows; ${server} }
  server { listen 127.0.0.1:${port} udp; proxy_pass hashed; }
}
`;
  const file = `${folder}/nginx.conf`;
  const complaint = async (text: string) => {
    await Deno.writeTextFile(file, text);
    const { code, stderr } = await run(nginx, ["-t", "-p", folder, "-c", file, "-e", "stderr"]);
    return code === 0 ? "" : stderr;
  };
  // Part of the commercial subscription.
  assert.match(await complaint(configuration({ server: "health_check;" })), /unknown directive "health_check"/);
  const slow = configuration({ upstream: "server 127.0.0.13:80 slow_start=30s;" });
  assert.match(await complaint(slow), /invalid parameter "slow_start=30s"/);
  assert.match(await complaint(`${head}http { server { location /api { api; } } }`), /unknown directive "api"/);
  assert.equal(await complaint(configuration()), "");

  await using _nginx = await startServer([nginx, "-p", folder, "-c", file, "-e", "stderr"], port, folder);
  // It listens before it writes its number down, and starts its workers after that.
  const master = await until("its number is written down", async () => {
    return Number(await Deno.readTextFile(`${folder}/pid`).catch(() => "")) || undefined;
  });
  const worker = await until("its worker has started", async () => await childrenOf(master) || undefined);
  Deno.kill(master, "SIGHUP");
  await until("there are other worker processes", async () => {
    const now = await childrenOf(master);
    return now !== "" && !now.split(" ").includes(worker);
  });
});
