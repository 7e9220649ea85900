/**
 * A server behind Weir under load, in a process of its own so that it can be killed and frozen. A client sends one line:
 * `G SIZE SEED` gets that many bytes at once, `L SIZE SEED` gets them slowly, `E` gets an echo. Every answer begins with a
 * line that names the server.
 *
 * @module
 */

import { patternBlock } from "./pattern.ts";

const [name = "", hostname = "", port = ""] = Deno.args;

async function writeAll(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let rest = bytes; rest.length > 0;) rest = rest.subarray(await connection.write(rest));
}

async function readLine(connection: Deno.Conn): Promise<string> {
  const buffer = new Uint8Array(64);
  let line = "";
  while (!line.includes("\n")) {
    const count = await connection.read(buffer);
    if (count === null) return "";
    line += new TextDecoder().decode(buffer.subarray(0, count));
  }
  return line.trim();
}

async function serve(connection: Deno.Conn): Promise<void> {
  try {
    const [what = "", size = "0", seed = "0"] = (await readLine(connection)).split(" ");
    if (what === "") return;
    await writeAll(connection, new TextEncoder().encode(`${name}\n`));
    if (what === "E") {
      const buffer = new Uint8Array(4096);
      for (let count = await connection.read(buffer); count !== null; count = await connection.read(buffer)) {
        await writeAll(connection, buffer.subarray(0, count));
      }
      return;
    }
    const block = patternBlock(Number(seed));
    for (let left = Number(size); left > 0; left -= block.length) {
      await writeAll(connection, left < block.length ? block.subarray(0, left) : block);
      if (what === "L") await new Promise((resolve) => setTimeout(resolve, 10));
    }
  } catch {
    // the client went, or Weir did
  } finally {
    try {
      connection.close();
    } catch { /* closed before */ }
  }
}

const listener = Deno.listen({ hostname, port: Number(port) });
for (;;) {
  try {
    void serve(await listener.accept());
  } catch {
    // a client that went before it was accepted
  }
}
