/**
 * The schema's verdict on plain data, as findings; and whatever parts of the data are right, so that the rules that
 * look across keys can still be checked when another part is wrong.
 *
 * @module
 */

import type { z } from "zod";
import { type Environment, substitute } from "./environment.ts";
import type { Findings } from "./findings.ts";
import {
  type BackendGroupConfig,
  backendGroupSchema,
  type Config,
  configSchema,
  generalShape,
  type ListenerConfig,
  listenerSchema,
} from "./schema.ts";
import type { ConfigPath } from "./source.ts";

/** A listener with everything in it that has the right shape, and its place in the list. */
export interface ShapedListener {
  readonly index: number;
  readonly config: ListenerConfig;
  /** Keys that are given and have the wrong shape: their defaults in `config` mean nothing. */
  readonly wrong: ReadonlySet<PropertyKey>;
  /** The group written in place, as far as it has the right shape. */
  readonly backends: ShapedGroup | undefined;
  /** What is right in the sections that name something, also where something else in them is wrong. */
  readonly naming: ReturnType<typeof namingParts>;
}

/** A backend group with everything in it that has the right shape. */
export interface ShapedGroup {
  readonly path: ConfigPath;
  readonly config: BackendGroupConfig;
  /** Keys that are given and have the wrong shape: their defaults in `config` mean nothing. */
  readonly wrong: ReadonlySet<PropertyKey>;
  /** Places of servers with the wrong shape: what stands there in `config` means nothing. */
  readonly wrongServers: ReadonlySet<number>;
}

/** Those parts of a configuration that have the right shape. */
export interface ShapedParts {
  /** The whole, when all of it has the right shape. */
  readonly config: Config | undefined;
  readonly listeners: readonly ShapedListener[];
  /** Named groups; those written in place are in their listeners. */
  readonly groups: readonly ShapedGroup[];
  /** The sections that are right by themselves. */
  readonly general: Partial<Pick<Config, keyof typeof generalShape>>;
  /** Every name that is defined, right or not. */
  readonly names: Readonly<Record<"backendGroups" | "certificates" | "clientCAs" | "ipGroups", readonly string[]>>;
}

/** Replaces environment variables and checks the shape of everything. */
export function shapeConfig(data: unknown, environment: Environment, findings: Findings): ShapedParts {
  // An empty file is a file in the making, or a mistake; taken as "no listeners" it would stop them all.
  if (data === null || data === undefined) findings.error([], "must be a mapping with listeners, got nothing");
  const substituted = substitute(data ?? {}, environment);
  for (const { path, message } of substituted.problems) findings.unknown(path, message);
  const root = convertReplaced(substituted.data, substituted.replaced);
  const whole = configSchema.safeParse(root);
  if (!whole.success) {
    for (const issue of whole.error.issues) addIssue(issue, [], findings);
  }
  return { config: whole.success ? whole.data : undefined, ...shapedParts(root) };
}

/** An environment variable is text; where the schema wants a number or a switch, text that reads as one becomes it. */
function convertReplaced(root: unknown, replaced: readonly ConfigPath[]): unknown {
  if (replaced.length === 0) return root;
  const result = configSchema.safeParse(root);
  if (result.success) return root;
  for (const path of replaced) {
    if (result.error.issues.some((issue) => samePath(issue.path, path))) convertAt(root, path);
  }
  return root;
}

function convertAt(root: unknown, path: ConfigPath): void {
  const last = path.at(-1);
  const parent = path.slice(0, -1).reduce<unknown>((value, step) => isRecord(value) ? value[step] : undefined, root);
  if (!isRecord(parent) || last === undefined) return;
  const value = parent[last];
  if (value === "true" || value === "false") parent[last] = value === "true";
  else if (typeof value === "string" && /^-?\d{1,15}$/.test(value)) parent[last] = Number(value);
}

function samePath(a: readonly PropertyKey[], b: ConfigPath): boolean {
  return a.length === b.length && a.every((step, index) => step === b[index]);
}

function addIssue(issue: z.core.$ZodIssue, prefix: ConfigPath, findings: Findings): void {
  const path: ConfigPath = [...prefix, ...issue.path.map((step) => typeof step === "number" ? step : String(step))];
  switch (issue.code) {
    case "unrecognized_keys":
      for (const [index, message] of issue.message.split("\n").entries()) {
        findings.error([...path, issue.keys[index] ?? ""], message, true);
      }
      return;
    case "invalid_key":
      findings.error(path, issue.issues[0]?.message ?? issue.message, true);
      return;
    case "invalid_union": {
      // The alternative that got past the first look is the one that was meant.
      const meant = issue.errors.find((errors) =>
        errors.length > 0 && errors.every((error) => error.path.length > 0 || error.code === "custom")
      );
      const unknownKeys = issue.errors.find((errors) => errors.some((error) => error.code === "unrecognized_keys"));
      const branch = meant ?? unknownKeys;
      if (branch === undefined) findings.error(path, issue.message);
      else for (const inner of branch) addIssue(inner, path, findings);
      return;
    }
    default:
      findings.error(path, issue.message);
  }
}

/** Parses a mapping; when that fails, without the keys that are wrong; nothing when even that fails. */
function rightParts<Schema extends z.ZodType>(schema: Schema, raw: unknown) {
  const whole = schema.safeParse(raw);
  if (whole.success) return [{ config: whole.data, wrong: new Set<PropertyKey>() }];
  const wrong = new Set<PropertyKey>(
    whole.error.issues.flatMap((issue) =>
      issue.code === "unrecognized_keys" && issue.path.length === 0 ? issue.keys : issue.path.slice(0, 1)
    ),
  );
  if (!isRecord(raw)) return [];
  const rest = schema.safeParse(Object.fromEntries(Object.entries(raw).filter(([key]) => !wrong.has(key))));
  return rest.success ? [{ config: rest.data, wrong }] : [];
}

/** Stands where a server has the wrong shape, so that the others keep their places. */
const NO_SERVER = { address: "wrong.invalid" };

/** The group at a path, with those of its servers that are right. */
function groupParts(path: ConfigPath, raw: unknown): ShapedGroup[] {
  const servers: readonly unknown[] = isRecord(raw) && Array.isArray(raw["servers"]) ? raw["servers"] : [];
  const issues = backendGroupSchema.shape.servers.safeParse(servers).error?.issues ?? [];
  const wrongServers = new Set(issues.flatMap(({ path: [at] }) => typeof at === "number" ? [at] : []));
  const rest = wrongServers.size === 0 || !isRecord(raw)
    ? raw
    : { ...raw, servers: servers.map((server, index) => wrongServers.has(index) ? NO_SERVER : server) };
  return rightParts(backendGroupSchema, rest).map((parts) => ({ path, ...parts, wrongServers }));
}

function listenerParts(index: number, raw: unknown): ShapedListener[] {
  const given = isRecord(raw) ? raw : {};
  const [backends] = given["backends"] === undefined
    ? []
    : groupParts(["listeners", index, "backends"], given["backends"]);
  return rightParts(listenerSchema, raw).map((parts) => ({ index, ...parts, backends, naming: namingParts(given) }));
}

const NAMING = {
  tls: listenerSchema.shape.tls.unwrap().partial(),
  acceptProxyProtocol: listenerSchema.shape.acceptProxyProtocol.unwrap().partial(),
  accessControl: listenerSchema.shape.accessControl.unwrap().partial(),
};

/** The sections of a listener in which names of other entries stand. */
function namingParts(listener: Record<string | number, unknown>) {
  return {
    tls: rightParts(NAMING.tls, listener["tls"])[0]?.config,
    acceptProxyProtocol: rightParts(NAMING.acceptProxyProtocol, listener["acceptProxyProtocol"])[0]?.config,
    accessControl: rightParts(NAMING.accessControl, listener["accessControl"])[0]?.config,
  };
}

function shapedParts(root: unknown): Omit<ShapedParts, "config"> {
  const top = isRecord(root) ? root : {};
  const groups = isRecord(top["backendGroups"]) ? Object.entries(top["backendGroups"]) : [];
  const listeners: readonly unknown[] = Array.isArray(top["listeners"]) ? top["listeners"] : [];
  const namesOf = (key: string) => isRecord(top[key]) ? Object.keys(top[key]) : [];
  return {
    listeners: listeners.flatMap((raw, index) => listenerParts(index, raw)),
    groups: groups.flatMap(([name, raw]) => groupParts(["backendGroups", name], raw)),
    general: Object.fromEntries(
      Object.entries(generalShape).flatMap(([key, schema]) => {
        const result = schema.safeParse(top[key]);
        return result.success ? [[key, result.data]] : [];
      }),
    ),
    names: {
      backendGroups: namesOf("backendGroups"),
      certificates: namesOf("certificates"),
      clientCAs: namesOf("clientCAs"),
      ipGroups: namesOf("ipGroups"),
    },
  };
}

function isRecord(value: unknown): value is Record<string | number, unknown> {
  return value !== null && typeof value === "object";
}
