/**
 * A listener's settings in words.
 *
 * @module
 */

import type { z } from "@hono/zod-openapi";
import type { Child } from "hono/jsx";
import type { listenerSchema } from "../../admin/schemas.ts";
import { count } from "../parts/words.ts";
import { certificatePath, groupPath, ipGroupPath } from "../paths.ts";
import { Tags } from "./listeners.tsx";

type Listener = z.infer<typeof listenerSchema>;

/** Every setting but those of its servers. */
export function listenerFacts(listener: Listener): [name: string, value: Child][] {
  const { tls, accessControl, acceptProxyProtocol } = listener;
  const limit = (value: number | null, unit: string) => value === null ? "unlimited" : `${count(value)} ${unit}`;
  return [
    ["Protocol", listener.protocol === "TCP" ? "TCP" : "TCP SSL"],
    ["Address", <span class="mono">{listener.address}</span>],
    [listener.port === null ? "Ports" : "Port", <span class="mono">{listener.port ?? listener.ports}</span>],
    ["Backend group", groupOf(listener)],
    ...(tls === null ? [] : tlsFacts(tls)),
    [
      "Who may connect",
      accessControl === null ? "all addresses" : (
        <>
          {accessControl.mode === "whitelist" ? "only " : "all but "}
          <Links names={accessControl.groups} to={ipGroupPath} /> ({accessControl.mode})
        </>
      ),
    ],
    ["New connections", limit(listener.maxNewConnections, "a second")],
    ["Connections at once", limit(listener.maxConnections, "")],
    ["Idle timeout", `${listener.idleTimeout} s`],
    ["Connect timeout", `${listener.connectTimeout} s`],
    ["IPv4/IPv6 translation", onOff(listener.ipTranslation)],
    [
      "PROXY protocol to servers",
      listener.proxyProtocol === "off" ? "off" : `version ${listener.proxyProtocol.slice(1)}`,
    ],
    [
      "PROXY protocol from clients",
      acceptProxyProtocol === null ? "not read" : (
        <>
          read from <Links names={acceptProxyProtocol.from} to={ipGroupPath} />, within {acceptProxyProtocol.timeout} s
        </>
      ),
    ],
    ["TCP keep-alive", onOff(listener.tcpKeepAlive)],
    ["Backlog", count(listener.backlog)],
    ["Threads", count(listener.workers)],
    ["Tags", Object.keys(listener.tags).length === 0 ? "none" : <Tags tags={listener.tags} />],
  ];
}

function groupOf({ backendGroup }: Listener): Child {
  return backendGroup === null ? "of its own" : <a href={groupPath(backendGroup)}>{backendGroup}</a>;
}

function tlsFacts(tls: NonNullable<Listener["tls"]>): [string, Child][] {
  const { authentication, certificates, clientCA, minVersion, alpn } = tls;
  return [
    ["Authentication", authentication === "mutual" ? "mutual: clients show a certificate" : "one-way"],
    [
      certificates.length === 1 ? "Certificate" : "Certificates",
      <Links names={certificates} to={(name) => certificatePath("certificate", name)} />,
    ],
    ...(clientCA === null ? [] : [
      ["Client CA", <a href={certificatePath("clientCA", clientCA)}>{clientCA}</a>] satisfies [string, Child],
    ]),
    ["TLS versions", minVersion === "1.3" ? "1.3 only" : "1.2 and 1.3"],
    ["ALPN", alpn.length === 0 ? "none" : alpn.join(", ")],
    ["Handshake", `within ${tls.handshakeTimeout} s, ${count(tls.maxHandshakes)} at once`],
    ["TLS engine", tls.engine],
  ];
}

function Links({ names, to }: { readonly names: readonly string[]; readonly to: (name: string) => string }) {
  return (
    <>
      {names.map((name, index) => (
        <>
          {index > 0 && ", "}
          <a href={to(name)}>{name}</a>
        </>
      ))}
    </>
  );
}

/** A switch in words. */
export function onOff(value: boolean): string {
  return value ? "on" : "off";
}
