/**
 * Real programs that send the PROXY protocol in front of Weir, and others that read it behind. Each listens on
 * 127.0.0.1 and on ::1.
 *
 * @module
 */

import { freePort } from "./ports.ts";
import { startServer } from "./processes.ts";
import { until } from "./wait.ts";

/** A version of the protocol, as the configuration names it. */
export type ProxyVersion = "v1" | "v2";

/** A program's ports: one on 127.0.0.1, one on ::1. */
export interface Ports {
  readonly IPv4: number;
  readonly IPv6: number;
}

/** Where a sender listens, what it connects to, and its certificate and key in one PEM text where it ends TLS. */
export interface SenderSettings {
  readonly ports: Ports;
  /** The port that it sends to, on 127.0.0.1 and on ::1. */
  readonly to: number;
  readonly pem: string;
}

/** A port for each family. */
export function freePorts(): Ports {
  return { IPv4: freePort(), IPv6: freePort("::1") };
}

/** Writes files, starts a program in their folder, and waits until it listens for both families. */
export async function startIn(
  files: (folder: string) => Readonly<Record<string, string>>,
  command: (folder: string) => readonly string[],
  ports: Ports,
): Promise<AsyncDisposable> {
  const folder = await Deno.makeTempDir({ prefix: "weir-peer-" });
  // Some of these programs leave root behind as soon as they can.
  await Deno.chmod(folder, 0o755);
  for (const [name, content] of Object.entries(files(folder))) await Deno.writeTextFile(`${folder}/${name}`, content);
  const server = await startServer(command(folder), ports.IPv4, folder);
  try {
    await until("it listens on ::1 too", () => answers(ports.IPv6));
    return server;
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw error;
  }
}

async function answers(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "::1", port })).close();
    return true;
  } catch {
    return false;
  }
}

/** stunnel ends TLS and sends a v1 header, over the client's family. */
export function startStunnel(program: string, { ports, to, pem }: SenderSettings): Promise<AsyncDisposable> {
  const service = (name: string, address: string, port: number, folder: string) =>
    `[${name}]\naccept = ${address}:${port}\nconnect = ${address}:${to}\ncert = ${folder}/both.pem\nprotocol = proxy\n`;
  return startIn(
    (folder) => ({
      "both.pem": pem,
      "stunnel.conf": "foreground = yes\npid =\nsyslog = no\n" +
        service("four", "127.0.0.1", ports.IPv4, folder) + service("six", "::1", ports.IPv6, folder),
    }),
    (folder) => [program, `${folder}/stunnel.conf`],
    ports,
  );
}

/** hitch ends TLS and sends a header, v2 with what it knows of TLS. */
export function startHitch(
  program: string,
  { ports, to, pem }: SenderSettings,
  version: ProxyVersion,
): Promise<AsyncDisposable> {
  return startIn(
    (folder) => ({
      "both.pem": pem,
      "hitch.conf": `
frontend = { host = "127.0.0.1" port = "${ports.IPv4}" }
frontend = { host = "::1" port = "${ports.IPv6}" }
backend = "[127.0.0.1]:${to}"
pem-file = "${folder}/both.pem"
ocsp-dir = ""
write-proxy-${version} = on
daemon = off
workers = 1
${Deno.uid() === 0 ? 'user = "nobody"' : ""}
`,
    }),
    (folder) => [program, `--config=${folder}/hitch.conf`],
    ports,
  );
}

const HAPROXY_DEFAULTS = `
defaults
  mode tcp
  timeout connect 5s
  timeout client 30s
  timeout server 30s
`;

/** How HAProxy sends. */
export interface HaproxySender {
  /** Options of its server line. */
  readonly options: string;
  /** Whether it ends TLS before. */
  readonly tls: boolean;
  /** More lines of the section. */
  readonly lines?: string;
}

/** HAProxy sends a header over the client's family. */
export function startHaproxySender(
  program: string,
  { ports, to, pem }: SenderSettings,
  { options, tls, lines = "" }: HaproxySender,
): Promise<AsyncDisposable> {
  const front = (name: string, address: string, port: number, folder: string) => `
listen ${name}
  bind ${address}:${port} ${tls ? `ssl crt ${folder}/both.pem` : ""}
  ${lines}
  server weir ${address}:${to} ${options}
`;
  return startIn(
    (folder) => ({
      "both.pem": pem,
      "h.cfg": HAPROXY_DEFAULTS + front("four", "127.0.0.1", ports.IPv4, folder) +
        front("six", "[::1]", ports.IPv6, folder),
    }),
    (folder) => [program, "-db", "-f", `${folder}/h.cfg`],
    ports,
  );
}

/** What a reader answers: the addresses of the header, or what it says of the client's TLS. */
export type Told = "addresses" | "tls";

const HAPROXY_TOLD: Readonly<Record<Told, string>> = {
  addresses: "%[src] %[src_port] %[dst] %[dst_port]",
  tls: "%[fc_pp_authority] %[fc_pp_unique_id]",
};

/** HAProxy answers HTTP with what it was told: client, its port, server, its port; or host name and unique id. */
export function startHaproxyReporter(
  program: string,
  ports: Ports,
  told: Told = "addresses",
): Promise<AsyncDisposable> {
  return startIn(
    () => ({
      "h.cfg": `${HAPROXY_DEFAULTS}
frontend back
  mode http
  bind 127.0.0.1:${ports.IPv4} accept-proxy
  bind [::1]:${ports.IPv6} accept-proxy
  http-request return status 200 content-type text/plain lf-string "${HAPROXY_TOLD[told]}"
`,
    }),
    (folder) => [program, "-db", "-f", `${folder}/h.cfg`],
    ports,
  );
}

/** nginx does the same. */
export function startNginxReporter(program: string, ports: Ports): Promise<AsyncDisposable> {
  const told = ["addr", "port", "server_addr", "server_port"].map((name) => `$proxy_protocol_${name}`).join(" ");
  return startIn(
    (folder) => ({
      "n.conf": `daemon off; master_process off; pid ${folder}/pid; error_log stderr crit;
events {}
http {
  access_log off;
  server {
    listen 127.0.0.1:${ports.IPv4} proxy_protocol;
    listen [::1]:${ports.IPv6} proxy_protocol;
    location / { return 200 "${told}"; }
  }
}
`,
    }),
    (folder) => [program, "-p", folder, "-c", `${folder}/n.conf`, "-e", "stderr"],
    ports,
  );
}

const VARNISH_TOLD: Readonly<Record<Told, string>> = {
  addresses: `"" + client.ip + " " + std.port(client.ip) + " " + server.ip + " " + std.port(server.ip)`,
  tls: [
    ...["alpn()", "authority()", "ssl_version()", "ssl_cipher()", "client_cert_cn()", "is_ssl()"],
    ...["client_has_cert_conn()", "client_has_cert_sess()", "ssl_verify_result()"],
  ].map((call) => `proxy.${call}`).join(' + " " + '),
};

/** Varnish does the same; of TLS it knows nearly everything that a header can hold. */
export function startVarnish(program: string, ports: Ports, told: Told = "addresses"): Promise<AsyncDisposable> {
  return startIn(
    () => ({
      "report.vcl": `vcl 4.1;
import std;
import proxy;
backend none none;
sub vcl_recv { return (synth(200)); }
sub vcl_synth {
  set resp.body = ${VARNISH_TOLD[told]};
  return (deliver);
}
`,
    }),
    (folder) => [
      ...[program, "-F", "-j", "none", "-n", `${folder}/work`, "-T", "none", "-S", "none", "-s", "malloc,8m"],
      ...["-a", `127.0.0.1:${ports.IPv4},PROXY`, "-a", `[::1]:${ports.IPv6},PROXY`, "-f", `${folder}/report.vcl`],
    ],
    ports,
  );
}
