/**
 * Load over TLS with a client certificate, which wrk cannot show: `tls_load.ts PORT KIND SECONDS CONNECTIONS FOLDER`,
 * where KIND is `keep-alive`, `new` or `bulk`, and FOLDER holds ca.pem, client.pem and client.key. Prints what it did as
 * JSON. Its own cost is not what is measured.
 *
 * @module
 */

import { print } from "../src/cli/output.ts";

const [port = "0", kind = "", seconds = "1", connections = "1", folder = "."] = Deno.args;
const read = (name: string) => Deno.readTextFileSync(`${folder}/${name}`);
const options = {
  hostname: "localhost",
  port: Number(port),
  caCerts: [read("ca.pem")],
  cert: read("client.pem"),
  key: read("client.key"),
};
const until = performance.now() + Number(seconds) * 1000;
const path = kind === "bulk" ? "/large" : "/small";
const ending = kind === "new" ? "Connection: close\r\n" : "";
const request = new TextEncoder().encode(`GET ${path} HTTP/1.1\r\nHost: bench\r\n${ending}\r\n`);
const done = { requests: 0, bytes: 0, errors: 0 };

/** One request, and its answer to the last byte. */
async function ask(connection: Deno.TlsConn, buffer: Uint8Array): Promise<void> {
  await connection.write(request);
  let head = "";
  let left = Infinity;
  while (left > 0) {
    const count = await connection.read(buffer);
    if (count === null) throw new Error("The answer is cut short");
    done.bytes += count;
    if (left !== Infinity) {
      left -= count;
      continue;
    }
    head += new TextDecoder("latin1").decode(buffer.subarray(0, count));
    const end = head.indexOf("\r\n\r\n");
    if (end >= 0) left = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0) - (head.length - end - 4);
  }
  done.requests++;
}

async function client(): Promise<void> {
  const buffer = new Uint8Array(65536);
  while (performance.now() < until) {
    let connection: Deno.TlsConn | undefined;
    try {
      connection = await Deno.connectTls(options);
      do await ask(connection, buffer); while (kind !== "new" && performance.now() < until);
    } catch {
      done.errors++;
    } finally {
      connection?.close();
    }
  }
}

await Promise.all(Array.from({ length: Number(connections) }, client));
print(JSON.stringify(done));
