/**
 * Where the problems of a change are: in what was asked for, by the path within it; in the file, where they stand there.
 * What a change would make of the file nobody has seen, so no problem is placed in that.
 *
 * @module
 */

import { ConfigError, type ConfigProblem } from "../errors.ts";
import { type ConfigFormat, type ConfigPath, type ConfigSource, formatPath, parsePath, parseSource } from "./source.ts";

/** Where a part of a request stands in the changed configuration. */
export interface GivenPlace {
  readonly path: ConfigPath;
  /** Where it is within the request. */
  readonly request: ConfigPath;
}

/** What places are looked up in. */
export interface PlacesContext {
  /** Where what was asked for stands. */
  readonly given: readonly GivenPlace[];
  /** The configuration with the change. */
  readonly text: string;
  readonly format: ConfigFormat;
  /** The file as it is. */
  readonly read: () => ConfigSource;
}

/** An error with its problems where somebody can find them; what is no {@link ConfigError} stays as it is. */
export function relocated(error: unknown, context: PlacesContext): unknown {
  if (!(error instanceof ConfigError)) return error;
  const source = context.read();
  const changed = dataOf(source.file, context);
  return new ConfigError(error.problems.map((problem): ConfigProblem => {
    const requestPath = pathInRequest(problem.path, context.given);
    const steps = inFile(parsePath(problem.path), changed, source.data);
    return { ...problem, ...source.placeOf(steps), ...(requestPath === undefined ? {} : { requestPath }) };
  }));
}

/** The path within the request; `undefined` for what was not asked for. */
function pathInRequest(path: string, given: readonly GivenPlace[]): string | undefined {
  for (const place of given) {
    const rest = pathBelow(path, formatPath(place.path));
    if (rest === undefined) continue;
    const start = formatPath(place.request);
    return start === "" || rest === "" || rest.startsWith("[") ? start + rest : `${start}.${rest}`;
  }
  return undefined;
}

/** The rest of a path behind the path of something around it; `undefined` when it is not within that. */
export function pathBelow(path: string, above: string): string | undefined {
  if (above === "") return path;
  if (!path.startsWith(above)) return undefined;
  const rest = path.slice(above.length);
  if (rest === "" || rest.startsWith("[")) return rest;
  return rest.startsWith(".") ? rest.slice(1) : undefined;
}

/** The path in the file of what has one in the changed configuration: the section of an entry that the file has not. */
function inFile(path: ConfigPath, changed: unknown, file: unknown): ConfigPath {
  const [section, entry, ...rest] = path;
  if (section === undefined || typeof entry !== "number") return path;
  const entries = stepInto(file, section);
  // An item of a list is the one of the same name.
  const name = stepInto(stepInto(stepInto(changed, section), entry), "name");
  const items: readonly unknown[] = Array.isArray(entries) ? entries : [];
  const index = items.findIndex((item) => stepInto(item, "name") === name);
  return index < 0 ? [section] : [section, index, ...rest];
}

function stepInto(data: unknown, step: string | number): unknown {
  if (Array.isArray(data)) return typeof step === "number" ? data[step] as unknown : undefined;
  if (data === null || typeof data !== "object") return undefined;
  return Object.entries(data).find(([key]) => key === String(step))?.[1];
}

function dataOf(file: string, { text, format }: PlacesContext): unknown {
  try {
    return parseSource(file, text, format).data;
  } catch {
    return undefined; // it is the text itself that is wrong
  }
}
