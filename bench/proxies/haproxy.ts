/**
 * HAProxy in TCP mode. Its features: a PROXY v2 header, an access list from a file, a limit on connections at once and
 * one on new ones a second, and `option tcplog` into a file.
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

/** HAProxy as a program to compare; `undefined` when it is not installed. */
export async function findHaproxy(): Promise<Contender | undefined> {
  const program = findProgram("haproxy");
  if (program === undefined) return undefined;
  return {
    program: "haproxy",
    version: await versionOf(program, "-v"),
    start: (ground, options) => start(program, ground, options),
  };
}

async function start(program: string, ground: Ground, options: StartOptions): Promise<Proxy> {
  const { folder } = ground;
  const { features, threads = 1, certificate = CERTIFICATE } = options;
  const all = features === "all";
  const places = freePlaces(["tcp", "tls", "mutual"], features);
  const tls = `ssl crt ${folder}/${certificate.both}`;
  const binds = { tcp: "", tls, fast: "", mutual: `${tls} ca-file ${folder}/ca.pem verify required` };
  const featureLines = all
    ? `
  tcp-request connection reject if !{ src -f ${folder}/blocks.txt }
  rate-limit sessions 1000000
  option tcplog
  log global`
    : "";
  const sections = places.map(({ front, target, port }) => `
listen ${front}-${target}
  bind 127.0.0.1:${port} ${binds[front]} backlog 4096${featureLines}
  server s 127.0.0.1:${serverPort(ground, target, features)} ${all ? "send-proxy-v2" : ""}`);
  const file = await Deno.makeTempFile({ dir: folder, suffix: ".cfg" });
  await Deno.writeTextFile(
    file,
    `
global
  nbthread ${threads}
  maxconn 9500
  ssl-default-bind-options ssl-min-ver TLSv1.2
  ${all ? "log stdout format raw local0 info" : ""}
defaults
  mode tcp
  maxconn 9500
  timeout connect 4s
  timeout client 300s
  timeout server 300s
${sections.join("\n")}
`,
  );
  // Its log goes to a file, as that of the others does.
  const shell = [
    "-c",
    `exec "$0" -db -f "$1" >"$2"`,
    program,
    file,
    all ? `${folder}/haproxy-access.log` : "/dev/null",
  ];
  return await listening("HAProxy", spawn("/bin/sh", shell), places);
}
