/** `weir status`: how is it going? @module */

import { z } from "zod";
import { certificateSchema, listenerSchema, statusSchema } from "../admin/schemas.ts";
import { formatEndpoint } from "../net/ip.ts";
import { ADMIN_FLAGS } from "./admin_client.ts";
import { type Command, EXIT, JSON_FLAG } from "./command.ts";
import { colour, formatBytes, formatDuration, print, printJson, table } from "./output.ts";
import { readAdmin } from "./read_admin.ts";

type Status = z.infer<typeof statusSchema>;
type Certificate = z.infer<typeof certificateSchema>;
type Listener = z.infer<typeof listenerSchema>;

/** The command. */
export const statusCommand: Command = {
  name: "status",
  summary: "Show listeners, servers and certificates of a running Weir.",
  usage: "[--admin URL] [--token TOKEN] [--json]",
  flags: [...ADMIN_FLAGS, JSON_FLAG],
  maxRest: 0,
  run: async (given) => {
    const status = await readAdmin(given, "/v1/status", statusSchema);
    const { listeners } = await readAdmin(given, "/v1/listeners", z.object({ listeners: z.array(listenerSchema) }));
    const { certificates } = await readAdmin(
      given,
      "/v1/certificates",
      z.object({ certificates: z.array(certificateSchema) }),
    );
    if (given.switches.has("json")) printJson({ ...status, listeners, certificates });
    else print([render(status, listeners), ...renderCertificates(certificates, Date.now())].join("\n\n"));
    return EXIT.done;
  },
};

function render(status: Status, listeners: readonly Listener[]): string {
  const head = `Weir ${status.version}, up ${formatDuration(status.uptimeSeconds)}, ${
    status.ready ? colour("green", "ready") : colour("red", "not ready")
  }, configuration ${status.configFile}`;
  const reload = status.lastReload !== null && !status.lastReload.ok
    ? `\n${colour("red", "The last reload failed")} (${status.lastReload.at}):\n${status.lastReload.error}`
    : "";
  const listenerRows = listeners.map((one) => [
    one.name,
    one.protocol,
    formatEndpoint(one.address, one.port ?? one.ports ?? ""),
    one.state,
    `${one.servers.filter((server) => server.health !== "Abnormal").length}/${one.servers.length}`,
    String(one.connectionsActive),
    String(one.connectionsTotal),
    formatBytes(one.bytesIn),
    formatBytes(one.bytesOut),
  ]);
  const serverRows = listeners.flatMap((one) =>
    one.servers.map((server) => [
      one.name,
      server.configured === server.server ? server.server : `${server.server} (${server.configured})`,
      weightOf(server),
      server.draining ? `${server.health}, draining` : server.health,
      String(server.connectionsActive),
      String(server.connectionsTotal),
      String(server.connectFailures),
      server.lastProbe?.error ?? "",
    ])
  );
  const listenerTable = table([
    ["LISTENER", "PROTOCOL", "ADDRESS", "STATE", "SERVERS UP", "ACTIVE", "TOTAL", "IN", "OUT"],
    ...listenerRows,
  ]);
  const serverTable = table([
    ["LISTENER", "SERVER", "WEIGHT", "HEALTH", "ACTIVE", "TOTAL", "FAILED", "LAST PROBE"],
    ...serverRows,
  ]);
  const failing = new Map(listeners.flatMap((one) => one.names).map(({ name, error }) => [name, error]));
  const names = [...failing].flatMap(([name, error]) =>
    error === null ? [] : [`\n${colour("red", `Server name ${name} cannot be resolved`)}: ${error}`]
  );
  const draining = status.draining.map(({ listener, connections, secondsLeft }) =>
    `\nListener ${listener} drains: ${connections} connection${
      connections === 1 ? "" : "s"
    } left, ${secondsLeft} s to go`
  );
  return `${head}${reload}${draining.join("")}\n\n${listenerTable}\n\n${paintHealth(serverTable)}${names.join("")}`;
}

/** A server that warms up shows what it has of its weight: `2.8/10`. */
function weightOf({ weight, effectiveWeight, backup }: Listener["servers"][number]): string {
  const warming = effectiveWeight < weight ? `${effectiveWeight.toFixed(1)}/` : "";
  return `${warming}${weight}${backup ? " backup" : ""}`;
}

/** A table when there is anything to put into it. */
function renderCertificates(certificates: readonly Certificate[], now: number): string[] {
  if (certificates.length === 0) return [];
  const rows = certificates.map((one) => {
    const end = Math.min(...one.chain.map(({ validTo }) => Date.parse(validTo)));
    return [
      one.name,
      one.kind === "certificate" ? "certificate" : "client CA",
      one.keyType,
      new Date(end).toISOString().slice(0, 10),
      String(Math.max(0, Math.floor((end - now) / 86_400_000))),
      one.users.join(", "),
    ];
  });
  const refused = certificates.flatMap(({ name, refused }) =>
    refused === null ? [] : [colour("red", `The changed files of "${name}" were not taken: ${refused}`)]
  );
  const names = table([["CERTIFICATE", "KIND", "KEY", "VALID UNTIL", "DAYS LEFT", "LISTENERS"], ...rows]);
  return [names, ...refused];
}

function paintHealth(text: string): string {
  return text.replace(/ Abnormal(?=[ ,])/g, (word) => colour("red", word)).replace(
    / Healthy(?=[ ,])/g,
    (word) => colour("green", word),
  );
}
