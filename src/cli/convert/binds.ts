/**
 * The `bind` lines of a section: where it listens, and what it says of TLS and of headers. Pure.
 *
 * @module
 */

import { parsePortList, type PortRange } from "../../net/ports.ts";
import type { Surroundings } from "./backend.ts";
import { inFolder } from "./global.ts";
import type { Proxy } from "./proxy.ts";
import { listenAddress, readNumber, readPlace } from "./values.ts";
import { BIND_WORDS, readWords } from "./words.ts";

/** One address to listen on, with its ports and the listener's keys that follow from its line. */
export interface Bind {
  readonly line: number;
  readonly name: string | undefined;
  readonly address: string;
  readonly ports: readonly PortRange[];
  /** Whether clients send a PROXY protocol header. */
  readonly acceptsHeaders: boolean;
  readonly backlog: number | undefined;
  readonly maxConnections: number | undefined;
  readonly tls: Readonly<Record<string, unknown>> | undefined;
}

/** Reads the `bind` lines of a section. */
export function readBinds(proxy: Proxy, surroundings: Surroundings): readonly Bind[] {
  const { remarks } = surroundings;
  return proxy.binds.flatMap(({ line, words: [, list = "", ...words] }): readonly Bind[] => {
    const { values, notes } = readWords(BIND_WORDS, words);
    for (const note of notes) remarks.add(line, `bind ${list}: ${note}`);
    const value = (word: string) => values.get(word)?.at(-1);
    const tls = values.has("ssl") ? readTls(line, values, surroundings) : undefined;
    if (values.has("ssl") && tls === undefined) {
      remarks.add(line, `bind ${list} is left out: a TCP_SSL listener needs a certificate (crt FILE)`);
      return [];
    }
    if (values.has("v6only")) remarks.add(line, `bind ${list}: "v6only" is not carried over: "::" takes both families`);
    const shared = {
      ...{ line, name: value("name"), tls, acceptsHeaders: values.has("accept-proxy") },
      ...{ backlog: readNumber(value("backlog")), maxConnections: readNumber(value("maxconn")) },
    };
    return list.split(",").flatMap((text): readonly Bind[] => {
      const place = readListenPlace(text);
      if (typeof place !== "string") return [{ ...shared, ...place }];
      remarks.add(line, `bind ${text} is left out: ${place}`);
      return [];
    });
  });
}

function readListenPlace(text: string): Pick<Bind, "address" | "ports"> | string {
  if (/^(udp|quic)[46]?@/.test(text)) return "Weir speaks TCP";
  const place = readPlace(text);
  if (place === undefined) return "Weir listens on IP addresses and ports";
  const address = listenAddress(place.address, text.startsWith("ipv6@") || text.startsWith("tcp6@"));
  if (address === undefined) return "Weir listens on IP addresses: write the address of the name";
  const ports = parsePortList(place.port);
  return ports.ok && /^\d+(-\d+)?$/.test(place.port) ? { address, ports: ports.ranges } : `"${place.port}" is no port`;
}

function readTls(
  line: number,
  values: ReadonlyMap<string, readonly string[]>,
  { global, store, remarks }: Surroundings,
): Bind["tls"] {
  const value = (word: string) => values.get(word)?.at(-1);
  const files = [...new Set(values.get("crt") ?? [])].filter((file) => file !== "");
  for (const file of files.filter((file) => file.endsWith("/"))) {
    remarks.add(line, `crt ${file} is a folder: name each of its files in certificates`);
  }
  const certificates = files.filter((file) => !file.endsWith("/"))
    .map((file) => store.certificate(inFolder(global.crtBase, file)));
  const [certificate, ...more] = certificates;
  if (certificate === undefined) return undefined;
  const verify = value("verify") ?? "none";
  const caFile = value("ca-file");
  if (verify === "optional") {
    remarks.add(line, '"verify optional" is not carried over: clients show a certificate or are asked for none');
  } else if (verify === "none" && caFile !== undefined) {
    remarks.add(
      line,
      `"ca-file ${caFile}" is not carried over: without "verify required" HAProxy asks for none either`,
    );
  } else if (verify === "required" && caFile === undefined) {
    remarks.add(line, '"verify required" is not carried over: it needs a "ca-file", or ANYBODY MAY CONNECT');
  }
  if (verify === "required" && caFile?.startsWith("@")) {
    remarks.add(line, `"ca-file ${caFile}" is no file: name that of the CAs in clientCAs, or weir check refuses it`);
  }
  const clientCA = verify === "required" && caFile !== undefined
    ? store.clientCA(caFile.startsWith("@") ? caFile : inFolder(global.caBase, caFile))
    : undefined;
  const least = values.has("no-tlsv12") || values.has("force-tlsv13")
    ? "TLSv1.3"
    : value("ssl-min-ver") ?? global.minVersion ?? "TLSv1.2";
  if (!/^TLSv1\.[23]$/.test(least)) remarks.add(line, `"ssl-min-ver ${least}": TLS 1.2 is the least that is spoken`);
  const alpn = (value("alpn") ?? "").split(",").filter((protocol) => /^[\x21-\x7e]{1,255}$/.test(protocol));
  return {
    ...(more.length === 0 ? { certificate } : { certificates }),
    ...(clientCA === undefined ? {} : { authentication: "mutual", clientCA }),
    ...(least === "TLSv1.3" ? { minVersion: "1.3" } : {}),
    ...(alpn.length === 0 ? {} : { alpn }),
  };
}
