/**
 * Servers of others that speak TLS, or old versions of it, or with certificates that nobody should trust. Each listens
 * on 127.0.0.1 and on ::1.
 *
 * @module
 */

import type { Issued } from "./authority.ts";
import { freePorts, type Ports, startIn } from "./proxy_peers.ts";
import { until } from "./wait.ts";

/** A server that is under way. */
export interface TlsPeer extends AsyncDisposable {
  readonly ports: Ports;
}

/** What a server shows, its own certificate first. */
export type ShownChain = readonly [Issued, ...Issued[]];

const pemOf = (chain: ShownChain) => chain.map(({ certPem }) => certPem).join("");

/**
 * nginx over TLS 1.2 or 1.3, which answers HTTP with its word for the version and the name it was asked for.
 *
 * @param to a port of 127.0.0.1 that is asked for `/app`
 */
export async function startNginxTls(program: string, chain: ShownChain, version: string, to = 9): Promise<TlsPeer> {
  const ports = freePorts();
  const peer = await startIn(
    (folder) => ({
      "chain.pem": pemOf(chain),
      "chain.key": chain[0].keyPem,
      "n.conf": `daemon off; master_process off; pid ${folder}/pid; error_log stderr crit;
events {}
http {
  access_log off;
  server {
    listen 127.0.0.1:${ports.IPv4} ssl;
    listen [::1]:${ports.IPv6} ssl;
    ssl_certificate ${folder}/chain.pem;
    ssl_certificate_key ${folder}/chain.key;
    ssl_protocols ${version};
    location / { return 200 "$ssl_protocol $ssl_server_name"; }
    location /app { proxy_pass http://127.0.0.1:${to}; }
  }
}
`,
    }),
    (folder) => [program, "-p", folder, "-c", `${folder}/n.conf`, "-e", "stderr"],
    ports,
  );
  return { ports, [Symbol.asyncDispose]: () => peer[Symbol.asyncDispose]() };
}

/** How HAProxy serves. */
export interface HaproxyTls {
  /** Words on its bind lines, beside the certificate. */
  readonly bind?: string;
  /** A port of 127.0.0.1 that gets the plain bytes; without one it answers HTTP itself. */
  readonly to?: number;
}

/** HAProxy ends TLS; by itself it answers HTTP with the client, its port, and the name it was asked for. */
export async function startHaproxyTls(
  program: string,
  chain: ShownChain,
  { bind = "", to }: HaproxyTls = {},
): Promise<TlsPeer> {
  const ports = freePorts();
  const peer = await startIn(
    (folder) => ({
      "both.pem": pemOf(chain) + chain[0].keyPem,
      "h.cfg": `
defaults
  timeout connect 5s
  timeout client 60s
  timeout server 60s
listen back
  mode ${to === undefined ? "http" : "tcp"}
  bind 127.0.0.1:${ports.IPv4} ssl crt ${folder}/both.pem ${bind}
  bind [::1]:${ports.IPv6} ssl crt ${folder}/both.pem ${bind}
  ${
        to === undefined
          ? 'http-request return status 200 content-type text/plain lf-string "%[src] %[src_port] %[ssl_fc_sni]"'
          : `server plain 127.0.0.1:${to}`
      }
`,
    }),
    (folder) => [program, "-db", "-f", `${folder}/h.cfg`],
    ports,
  );
  return { ports, [Symbol.asyncDispose]: () => peer[Symbol.asyncDispose]() };
}

/** openssl s_server, one for each family. */
export interface OpensslPeer extends TlsPeer {
  /** Every plain byte that clients have sent to it, as text. */
  readonly received: string;
}

/**
 * openssl shows whatever it is given, and writes down what it gets; one client at a time.
 *
 * @param options more words, after `s_server`
 */
export async function startOpensslServer(
  program: string,
  chain: ShownChain,
  options: readonly string[] = [],
): Promise<OpensslPeer> {
  const ports = freePorts();
  const folder = await Deno.makeTempDir({ prefix: "weir-openssl-" });
  await using stack = new AsyncDisposableStack();
  stack.defer(() => Deno.remove(folder, { recursive: true }));
  await Deno.writeTextFile(`${folder}/chain.pem`, pemOf(chain));
  await Deno.writeTextFile(`${folder}/chain.key`, chain[0].keyPem);
  const shown = ["-cert", `${folder}/chain.pem`, "-cert_chain", `${folder}/chain.pem`, "-key", `${folder}/chain.key`];
  let received = "";
  for (const endpoint of [`127.0.0.1:${ports.IPv4}`, `[::1]:${ports.IPv6}`]) {
    const args = ["s_server", "-accept", endpoint, ...shown, "-quiet", ...options];
    const child = new Deno.Command(program, { args, stdin: "piped", stdout: "piped", stderr: "piped" }).spawn();
    const complaints = new Response(child.stderr).text();
    const reading = child.stdout.pipeThrough(new TextDecoderStream()).pipeTo(
      new WritableStream({ write: (text) => void (received += text) }),
    );
    stack.defer(async () => {
      child.kill("SIGKILL");
      await Promise.all([child.status, complaints, reading, child.stdin.close().catch(() => {})]);
    });
  }
  for (const [hostname, port] of [["127.0.0.1", ports.IPv4], ["::1", ports.IPv6]] as const) {
    await until(`openssl listens on ${hostname}`, () => isListening(hostname, port));
  }
  const owned = stack.move();
  return {
    ports,
    get received() {
      return received;
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function isListening(hostname: string, port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname, port })).close();
    return true;
  } catch {
    return false;
  }
}
