/** `weir demo`: a whole load balancer at work, with nothing to install or edit. @module */

import { App } from "../app.ts";
import { DEMO_WEIGHTS, demoOrigin } from "../demo/origin.ts";
import { selfSigned } from "../demo/self_signed.ts";
import { startDemoServers } from "../demo/servers.ts";
import { checkFree } from "../net/listen.ts";
import { WeirError } from "../errors.ts";
import type { Command } from "./command.ts";
import { colour, print, table } from "./output.ts";
import { serveUntilSignal } from "./signals.ts";

/** Requests that the demo sends itself to show how they are spread; two full rounds of the weights. */
const SHOWN_REQUESTS = 12;

/** Ports that are tried after the wanted one. */
const PORT_TRIES = 100;

/** Starts in all, while ports are taken between a look and a start. */
const MOST_STARTS = 10;

/** The command. */
export const demoCommand: Command = {
  name: "demo",
  summary: "Start three small HTTP servers and balance over them, to see Weir at work.",
  usage: "",
  flags: [],
  maxRest: 0,
  run: async () => {
    const servers = startDemoServers();
    const now = Date.now();
    const certificate = await selfSigned({
      name: "Weir demo",
      hosts: ["localhost", "127.0.0.1"],
      notBefore: new Date(now - 3600_000),
      notAfter: new Date(now + 365 * 24 * 3600_000),
    });
    const code = await onFreePorts(async (ports) => {
      const app = new App(demoOrigin({ ...ports, servers: servers.map((server) => server.port) }, certificate));
      return await serveUntilSignal(app, { onStarted: () => showDemo(ports) });
    });
    await Promise.all(servers.map((server) => server.close()));
    return code;
  },
};

interface DemoPorts {
  readonly tcp: number;
  readonly tls: number;
  readonly admin: number;
}

/** Serves on ports that are free; on others when somebody, say another demo, takes one of them at the same moment. */
async function onFreePorts(serve: (ports: DemoPorts) => Promise<number>): Promise<number> {
  for (let start = 1;; start++) {
    try {
      return await serve({ tcp: freePort(8000), tls: freePort(9000), admin: freePort(9900) });
    } catch (error) {
      if (!(error instanceof WeirError && error.kind === "bind_failed") || start === MOST_STARTS) throw error;
    }
  }
}

async function showDemo(ports: DemoPorts): Promise<void> {
  print(`${colour("bold", "Weir is running.")} Watch it in a browser: http://127.0.0.1:${ports.admin}/\n`);
  print("Or try, in another terminal:\n");
  print(`  curl http://127.0.0.1:${ports.tcp}/            # TCP listener "test-tcp-8000"`);
  print(`  curl -k https://127.0.0.1:${ports.tls}/        # TCP-SSL listener "test-tcpssl-9000"`);
  print(`  curl http://127.0.0.1:${ports.admin}/v1/listeners`);
  print(`  curl http://127.0.0.1:${ports.admin}/metrics`);
  print(`  for i in 1 2 3 4 5 6; do curl -s http://127.0.0.1:${ports.tcp}/; done\n`);
  await showSpread(ports.tcp);
  print("\nCtrl-C stops it.");
}

/** The wanted port, or the next free one, said aloud. */
function freePort(wanted: number): number {
  for (let port = wanted; port < wanted + PORT_TRIES; port++) {
    try {
      checkFree({ address: "127.0.0.1", port });
    } catch {
      continue;
    }
    if (port !== wanted) print(`Port ${wanted} is taken, using ${port} instead.`);
    return port;
  }
  throw new WeirError("bind_failed", `Cannot find a free port from ${wanted} to ${wanted + PORT_TRIES - 1}`);
}

async function showSpread(port: number): Promise<void> {
  const order: string[] = [];
  for (let index = 0; index < SHOWN_REQUESTS; index++) {
    const response = await fetch(`http://127.0.0.1:${port}/`);
    order.push((await response.text()).trim().replace("Hello from server ", ""));
  }
  const rows = ["one", "two", "three"].map((name, index) => [
    name,
    String(DEMO_WEIGHTS[index]),
    String(order.filter((one) => one === name).length),
  ]);
  print(`${SHOWN_REQUESTS} requests through the TCP listener went to: ${order.join(" ")}\n`);
  print(table([["SERVER", "WEIGHT", "REQUESTS"], ...rows]));
}
