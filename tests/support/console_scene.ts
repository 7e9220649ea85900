/**
 * A Weir that has something to show on every page of the console: listeners of both kinds, a dead server, a drained
 * one, certificates that end soon, changes that are not saved, events, traffic.
 *
 * @module
 */

import { selfSigned } from "../../src/demo/self_signed.ts";
import { issue } from "./authority.ts";
import { freePort, freePortsInARow } from "./ports.ts";
import { RunningWeir } from "./program.ts";
import { echoServer, type TestServer } from "./servers.ts";
import { until } from "./wait.ts";

/** The scene. */
export interface Scene extends AsyncDisposable {
  readonly running: RunningWeir;
  readonly url: string;
  /** The port of the listener `web`. */
  readonly web: number;
  /** Sends some bytes through a port and back. */
  traffic(port: number, bytes: number): Promise<void>;
  /** The servers that live. */
  readonly servers: readonly TestServer[];
  /** The port on which nobody listens. */
  readonly dead: number;
}

const DAY = 86_400_000;

/** Starts it. @param admin settings of the admin section */
export async function startScene(admin: Record<string, unknown> = {}): Promise<Scene> {
  const servers = [echoServer(), echoServer(), echoServer()];
  const [one, two, three] = servers.map(({ port }) => port);
  const dead = freePort();
  const [web, mail, secure] = [freePort(), freePort(), freePort()];
  const range = freePortsInARow(3);
  const now = Date.now();
  const certificate = async (name: string, days: number) =>
    await selfSigned({
      name,
      hosts: [name, `www.${name}`],
      notBefore: new Date(now - DAY),
      notAfter: new Date(now + days * DAY + 60_000),
    });
  const [good, soon, authority] = [
    await certificate("example.com", 300),
    await certificate("shop.example.com", 12),
    await issue({ name: "Partners CA", ca: true }),
  ];
  const files = {
    "www.pem": good.certPem,
    "www.key": good.keyPem,
    "shop.pem": soon.certPem,
    "shop.key": soon.keyPem,
    "partners.pem": authority.certPem,
  };
  const healthCheck = { interval: 5, timeout: 2, unhealthyThreshold: 2, healthyThreshold: 2 };
  const at = { address: "127.0.0.1" };
  const running = await RunningWeir.start({
    admin,
    ipGroups: { office: ["127.0.0.0/8", "192.0.2.0/24", "2001:db8::/32"], abusers: ["203.0.113.7"] },
    certificates: {
      www: { certFile: "www.pem", keyFile: "www.key" },
      shop: { certFile: "shop.pem", keyFile: "shop.key" },
    },
    clientCAs: { partners: { certFile: "partners.pem" } },
    backendGroups: {
      web: {
        servers: [
          { ...at, port: one, weight: 10 },
          { ...at, port: two, weight: 5 },
          { ...at, port: dead, weight: 5 },
        ],
        healthCheck,
      },
      mail: { algorithm: "wlc", servers: [{ ...at, port: three }], healthCheck: { enabled: false } },
    },
    listeners: [
      {
        name: "web",
        protocol: "TCP",
        ...at,
        port: web,
        backendGroup: "web",
        tags: { env: "prod", team: "shop" },
        description: "The shop's front door",
      },
      {
        name: "web-tls",
        protocol: "TCP_SSL",
        ...at,
        port: secure,
        backendGroup: "web",
        tls: { certificates: ["www", "shop"], alpn: ["h2", "http/1.1"] },
        accessControl: { mode: "whitelist", groups: ["office"] },
        tags: { env: "prod" },
      },
      {
        name: "mail",
        protocol: "TCP",
        ...at,
        port: mail,
        backendGroup: "mail",
        accessControl: { mode: "blacklist", groups: ["abusers"] },
        maxConnections: 5000,
        tags: { env: "test" },
      },
      {
        name: "file-transfer-passive-ports",
        protocol: "TCP",
        ...at,
        ports: `${range}-${range + 2}`,
        backends: { servers: [{ address: "127.0.0.1" }], healthCheck: { enabled: false }, algorithm: "source-hash" },
        description: "Passive FTP, the same port on the server",
      },
    ],
  }, { files });
  return {
    running,
    url: `http://127.0.0.1:${running.adminPort}`,
    web,
    servers,
    dead,
    traffic: async (port, bytes) => {
      const connection = await Deno.connect({ hostname: "127.0.0.1", port });
      const echoed = (async () => {
        const buffer = new Uint8Array(65_536);
        let count = 0;
        for (let read = await connection.read(buffer); read !== null; read = await connection.read(buffer)) {
          count += read;
        }
        return count;
      })();
      const piece = new Uint8Array(Math.min(bytes, 16_384)).fill(97);
      for (let sent = 0; sent < bytes;) sent += await connection.write(piece.subarray(0, bytes - sent));
      await connection.closeWrite();
      const count = await echoed;
      connection.close();
      if (count !== bytes) throw new Error(`${bytes} bytes went out, ${count} came back`);
    },
    [Symbol.asyncDispose]: async () => {
      await running[Symbol.asyncDispose]();
      for (const server of servers) await server[Symbol.asyncDispose]();
    },
  };
}

/** Waits until the dead server is known to be dead. */
export async function untilAbnormal({ running, dead }: Scene): Promise<void> {
  await until("the dead server is Abnormal", async () => {
    const { servers } = await running.listener("web");
    return servers.find(({ server }) => server.endsWith(`:${dead}`))?.health === "Abnormal";
  }, 30);
}
