/**
 * Bodies of requests: read as JSON here, with the same rules for every route.
 *
 * @module
 */

import type { Context, MiddlewareHandler } from "hono";
import { type ConfigPath, formatPath } from "../config/source.ts";
import { messageOf } from "../errors.ts";
import { showText } from "../text/show_text.ts";
import { refusal } from "./problem.ts";

/** Levels that a body may have; a configuration has far fewer, and whoever walks through it must come to an end. */
const MOST_LEVELS = 32;

/** The body of a request as plain data. Throws the 415 or 400 answer when it is no JSON. */
export async function readJson({ req }: Context): Promise<unknown> {
  if (!/^application\/(?:[a-z0-9.+-]+\+)?json\s*(?:;|$)/i.test(req.header("content-type") ?? "")) {
    throw refusal(415, "wrong_content_type", "Send the body as JSON, with content-type: application/json");
  }
  const text = await req.text();
  const data = parsed(text);
  const fault = faultOf(data, 0) ?? repeatedKeyIn(text);
  if (fault !== undefined) throw refusal(400, "bad_request", fault);
  return data;
}

/** Refuses what {@link readJson} does, in front of a route whose schema the framework checks: it would not notice. */
export function jsonBody(): MiddlewareHandler {
  return async (context, next) => {
    await readJson(context);
    await next();
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw refusal(400, "bad_request", text === "" ? "The body is empty" : `The body is no JSON: ${messageOf(error)}`);
  }
}

/** A mapping or a list that has begun. */
interface Open {
  /** Those of a mapping so far. */
  readonly keys: Set<string>;
  /** What is being read: a key of a mapping, a place in a list. */
  step: string | number;
}

/** Says which key a mapping holds twice, and where: as in the file, neither of its values can be the one that was meant. */
function repeatedKeyIn(json: string): string | undefined {
  const open: Open[] = [];
  for (const [mark, text, colon] of json.matchAll(/[{}[\],]|("[^"\\]*(?:\\.[^"\\]*)*")\s*(:?)/g)) {
    if (mark === "{" || mark === "[") open.push({ keys: new Set(), step: mark === "[" ? 0 : "" });
    else if (mark === "}" || mark === "]") open.pop();
    const inside = open.at(-1);
    if (inside === undefined) continue;
    if (mark === "," && typeof inside.step === "number") inside.step++;
    if (text === undefined || colon !== ":") continue;
    const key = String(JSON.parse(text));
    if (inside.keys.has(key)) return repeated(key, open.slice(0, -1).map(({ step }) => step));
    inside.keys.add(key);
    inside.step = key;
  }
  return undefined;
}

function repeated(key: string, path: ConfigPath): string {
  const where = path.length === 0 ? "" : `, in ${showText(formatPath(path))}`;
  return `The body holds the key ${showText(key)} twice${where}`;
}

/** What is wrong with data that no configuration can hold. */
function faultOf(data: unknown, level: number): string | undefined {
  if (level > MOST_LEVELS) return `The body has more than ${MOST_LEVELS} levels`;
  if (typeof data === "string") {
    return data.isWellFormed() ? undefined : "The body holds half of a surrogate pair, which no file can";
  }
  if (data === null || typeof data !== "object") return undefined;
  for (const [key, value] of Object.entries(data)) {
    if (key === "__proto__") return 'The body holds "__proto__", which no key can be called';
    const fault = faultOf(key, level) ?? faultOf(value, level + 1);
    if (fault !== undefined) return fault;
  }
  return undefined;
}
