/**
 * The `server` lines of a section, each with what `default-server` gives to it. Pure.
 *
 * @module
 */

import { isHost } from "../../config/schema.ts";
import { canonicalHost } from "../../net/ip.ts";
import type { Proxy } from "./proxy.ts";
import type { Remarks } from "./remarks.ts";
import { readNumber, readPlace } from "./values.ts";
import { type ReadWords, readWords, SERVER_WORDS } from "./words.ts";

/** Which port of a server a connection goes to. */
export type ServerPort =
  | { readonly kind: "fixed"; readonly port: number }
  /** The port that the client connected to, and so many further. */
  | { readonly kind: "same"; readonly offset: number };

/** One server. */
export interface ServerLine {
  readonly line: number;
  readonly name: string;
  readonly address: string;
  readonly port: ServerPort;
  /** 0-256; `undefined` when none is given, which is 1. */
  readonly weight: number | undefined;
  readonly backup: boolean;
  /** What else its line says, by word. */
  readonly value: (word: string) => string | undefined;
}

/** Reads the servers of a section; one that is named twice gets both weights. */
export function readServers(proxy: Proxy, remarks: Remarks): readonly ServerLine[] {
  let defaults: ReadWords | undefined;
  const servers = new Map<string, ServerLine>();
  for (const { line, words: [keyword, ...rest] } of proxy.servers) {
    const isDefault = keyword === "default-server";
    const [name = "", text = "", ...words] = isDefault ? ["", "", ...rest] : rest;
    const who = isDefault ? "default-server" : `server ${name}`;
    const read = readWords(SERVER_WORDS, words, defaults);
    for (const note of read.notes) remarks.add(line, `${who}: ${note}`);
    if (isDefault) {
      defaults = read;
      continue;
    }
    const place = readServerPlace(text);
    if (place === undefined) {
      remarks.add(line, `${who} is left out: "${text}" is not an IP address or host name with a port`);
      continue;
    }
    const value = (word: string) => read.values.get(word)?.at(-1);
    const isOff = value("disabled") !== undefined;
    if (isOff) remarks.add(line, `${who} is disabled, which is weight 0 here: give it a weight to put it to work`);
    const server: ServerLine = {
      ...{ line, name, ...place, value, weight: isOff ? 0 : readNumber(value("weight")) },
      backup: value("backup") !== undefined,
    };
    const key = `${canonicalHost(place.address)} ${JSON.stringify(place.port)}`;
    const twin = servers.get(key);
    if (twin === undefined) servers.set(key, server);
    else {
      remarks.add(line, `${who} is the same as server ${twin.name} of line ${twin.line}: that one gets both weights`);
      servers.set(key, { ...twin, weight: (twin.weight ?? 1) + (server.weight ?? 1) });
    }
  }
  return [...servers.values()];
}

function readServerPlace(text: string): Pick<ServerLine, "address" | "port"> | undefined {
  const place = readPlace(text);
  if (place === undefined || !(isHost(place.address) || /^\$\{.+\}$/.test(place.address))) return undefined;
  if (place.address === "0.0.0.0" || place.address === "::") return undefined;
  const { address, port } = place;
  if (/^[+-]\d{1,5}$/.test(port)) return { address, port: { kind: "same", offset: Number(port) } };
  if (port === "") return { address, port: { kind: "same", offset: 0 } };
  const number = readNumber(port);
  if (number === undefined || number < 1 || number > 65535) return undefined;
  return { address, port: { kind: "fixed", port: number } };
}

/** Weights of 0-100 in the same proportions; `undefined` for all when none is given. */
export function scaleWeights(servers: readonly ServerLine[], remarks: Remarks): readonly (number | undefined)[] {
  if (servers.every(({ weight }) => weight === undefined)) return servers.map(() => undefined);
  const given = servers.map(({ weight = 1 }) => weight);
  const most = Math.max(...given);
  if (most <= 100) return given;
  const divisor = given.reduce(greatestDivisor);
  if (most / divisor <= 100) return given.map((weight) => weight / divisor);
  const scaled = given.map((weight) => weight === 0 ? 0 : Math.max(1, Math.round(weight * 100 / most)));
  const [first] = servers;
  const list = (weights: readonly number[]) => weights.join(", ");
  remarks.add(first?.line ?? 0, `the weights ${list(given)} become ${list(scaled)}, because 100 is the most`);
  return scaled;
}

function greatestDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestDivisor(b, a % b);
}
