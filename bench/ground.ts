/**
 * What all proxies stand on: certificates, a list of blocks, and a back end.
 *
 * @module
 */

import { issue } from "../tests/support/authority.ts";
import { findProgram } from "../tests/support/peers.ts";
import { freePort } from "../tests/support/ports.ts";
import { BLOCK_BYTES } from "./load/blocks.ts";
import { type Ports, spawn, stopper } from "./proxies/proxy.ts";

/** Blocks of the access list. */
export const LIST_BLOCKS = 10_000;

/** A back end that runs. */
export interface Backend {
  readonly port: number;
  /** Where connections begin with a PROXY header. */
  readonly proxyPort: number;
  readonly sinkPort: number;
  /** The way to it without a proxy. */
  readonly direct: Ports;
}

/** Files that all share, in a folder: cert.pem, key.pem, both.pem, ca.pem, client.pem, client.key, blocks.txt. */
export interface Ground extends AsyncDisposable {
  readonly folder: string;
  readonly backend: Backend;
}

/** Makes the files and starts the back end. */
export async function layGround(): Promise<Ground> {
  const folder = await Deno.makeTempDir({ prefix: "weir-bench-" });
  // nginx drops its privileges where it is started with any.
  await Deno.chmod(folder, 0o755);
  const stack = new AsyncDisposableStack();
  stack.defer(() => Deno.remove(folder, { recursive: true }));
  try {
    await writeFiles(folder);
    const { port, proxyPort, direct, stop } = await startBackend(folder);
    stack.defer(stop);
    const sink = await startSink();
    stack.defer(sink.stop);
    return {
      folder,
      backend: { port, proxyPort, sinkPort: sink.port, direct },
      [Symbol.asyncDispose]: () => stack.disposeAsync(),
    };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

async function writeFiles(folder: string): Promise<void> {
  const authority = await issue({ name: "bench CA", ca: true });
  const { certPem, keyPem } = await issue({ name: "bench", issuer: authority, hosts: ["localhost"] });
  const client = await issue({ name: "client", issuer: authority });
  const write = (name: string, text: string) => Deno.writeTextFile(`${folder}/${name}`, text, { mode: 0o600 });
  await write("cert.pem", certPem);
  await write("key.pem", keyPem);
  await write("both.pem", certPem + keyPem);
  await write("ca.pem", authority.certPem);
  await write("client.pem", client.certPem);
  await write("client.key", client.keyPem);
  // Blocks that do not touch, so that none can be joined with another, and the client's own address last.
  const blocks = Array.from({ length: LIST_BLOCKS - 1 }, (_, index) => `10.${index >> 7}.${(index & 127) * 2}.0/24`);
  await write("blocks.txt", [...blocks, "127.0.0.1/32"].map((block) => `${block}\n`).join(""));
  await write("blocks.geo", [...blocks, "127.0.0.1/32"].map((block) => `${block} web;\n`).join(""));
}

/**
 * The back end: nginx with one small and one large file, over TCP and TLS, and where PROXY headers come first.
 *
 * @param address where it listens for plain TCP; `0.0.0.0` for every address of the loopback network
 */
export async function startBackend(
  folder: string,
  address = "127.0.0.1",
): Promise<{ port: number; proxyPort: number; direct: Ports; stop: () => Promise<void> }> {
  const [port, proxyPort, tls] = [freePort(), freePort(), freePort()];
  await Deno.mkdir(`${folder}/www`, { recursive: true });
  await Deno.writeTextFile(`${folder}/www/small`, "ok\n");
  await Deno.writeFile(`${folder}/www/large`, new Uint8Array(BLOCK_BYTES));
  const hasCertificate = await Deno.stat(`${folder}/cert.pem`).then(() => true, () => false);
  const tlsServer = `server { listen 127.0.0.1:${tls} ssl backlog=4096; root ${folder}/www; }
  ssl_certificate ${folder}/cert.pem; ssl_certificate_key ${folder}/key.pem; ssl_protocols TLSv1.2 TLSv1.3;`;
  await Deno.writeTextFile(
    `${folder}/backend.conf`,
    `
daemon off; worker_processes 1; pid ${folder}/backend.pid; error_log stderr crit;
events { worker_connections 12000; }
http {
  access_log off; keepalive_requests 100000000; keepalive_timeout 1h; sendfile on;
  server { listen ${address}:${port} backlog=4096; root ${folder}/www; }
  server { listen 127.0.0.1:${proxyPort} proxy_protocol backlog=4096; root ${folder}/www; }
  ${hasCertificate ? tlsServer : ""}
}`,
  );
  const process = spawn(findProgram("nginx") ?? "nginx", ["-c", `${folder}/backend.conf`]);
  return { port, proxyPort, direct: { tcp: { web: port }, tls: { web: tls } }, stop: stopper(process) };
}

async function startSink(): Promise<{ port: number; stop: () => Promise<void> }> {
  const script = new URL("./load/sink.ts", import.meta.url).pathname;
  const args = ["run", "--allow-net", script];
  const process = new Deno.Command(Deno.execPath(), { args, stdin: "piped", stdout: "piped", stderr: "inherit" })
    .spawn();
  const reader = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const { value = "" } = await reader.read();
  return {
    port: Number(value),
    stop: async () => {
      await process.stdin.close();
      await reader.cancel();
      await process.status;
    },
  };
}
