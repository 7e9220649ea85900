/**
 * nginx with its stream module. Its features: a PROXY v1 header (it sends no other), an access list as a `geo` map, which
 * it looks up faster than `allow` lines, a limit on connections at once (it has none on new ones), and an access log.
 *
 * @module
 */

import { findProgram } from "../../tests/support/peers.ts";
import type { Ground } from "../ground.ts";
import {
  CERTIFICATE,
  type Contender,
  freePlaces,
  listening,
  type Proxy,
  serverPort,
  spawn,
  type StartOptions,
  versionOf,
} from "./proxy.ts";

/** Where Debian puts the module. */
const MODULE = "/usr/lib/nginx/modules/ngx_stream_module.so";

/** nginx as a program to compare; `undefined` when it or its module is not installed. */
export async function findNginx(): Promise<Contender | undefined> {
  const program = findProgram("nginx");
  if (program === undefined || !(await Deno.stat(MODULE).then(() => true, () => false))) return undefined;
  return {
    program: "nginx",
    version: await versionOf(program, "-v"),
    start: (ground, options) => start(program, ground, options),
  };
}

async function start(program: string, ground: Ground, options: StartOptions): Promise<Proxy> {
  const { folder } = ground;
  const { features, threads = 1, certificate = CERTIFICATE } = options;
  const all = features === "all";
  const places = freePlaces(["tcp", "tls", "mutual"], features);
  const verify = `ssl_client_certificate ${folder}/ca.pem; ssl_verify_client on;`;
  const servers = places.map(({ front, target, port }) =>
    `  server {
    listen 127.0.0.1:${port} ${front === "tcp" ? "" : "ssl"} backlog=4096; ${front === "mutual" ? verify : ""}
    proxy_pass ${all ? "$allowed" : target};
    ${all ? "proxy_protocol on; limit_conn at_once 60000;" : ""}
  }`
  );
  const pid = await Deno.makeTempFile({ dir: folder, suffix: ".pid" });
  const file = await Deno.makeTempFile({ dir: folder, suffix: ".conf" });
  // With one thread there is one process.
  const processes = threads === 1 ? "master_process off;" : `worker_processes ${threads};`;
  await Deno.writeTextFile(
    file,
    `
load_module ${MODULE};
daemon off; ${processes} pid ${pid}; error_log stderr crit;
events { worker_connections 19000; }
stream {
  ssl_certificate ${folder}/${certificate.cert}; ssl_certificate_key ${folder}/${certificate.key};
  ssl_protocols TLSv1.2 TLSv1.3;
  upstream web { server 127.0.0.1:${serverPort(ground, "web", features)}; }
  upstream sink { server 127.0.0.1:${serverPort(ground, "sink", features)}; }
  ${all ? featureLines(folder) : ""}
${servers.join("\n")}
}`,
  );
  return await listening("nginx", spawn(program, ["-c", file]), places);
}

function featureLines(folder: string): string {
  return `upstream refused { server 127.0.0.1:1 down; }
  geo $allowed { default refused; include ${folder}/blocks.geo; }
  limit_conn_zone $server_port zone=at_once:1m;
  log_format connection '$time_iso8601 $remote_addr:$remote_port $server_addr:$server_port $upstream_addr $status '
    '$bytes_received $bytes_sent $session_time $upstream_connect_time';
  access_log ${folder}/nginx-access.log connection buffer=64k flush=1s;`;
}
