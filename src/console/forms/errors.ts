/**
 * Which field a problem of the configuration belongs to. Pure.
 *
 * @module
 */

/** Problems by the field they belong to, and those that belong to none. */
export interface PlacedProblems {
  readonly fields: Readonly<Record<string, readonly string[]>>;
  readonly others: readonly string[];
}

/** A problem, by its path in what was asked for. */
export interface RequestProblem {
  /** `undefined` when it is about something else. */
  readonly requestPath?: string | undefined;
  /** Its path in the configuration. */
  readonly path: string;
  readonly message: string;
}

/** Keys that are typed into the field of another one. */
const TYPED_AS: readonly (readonly [RegExp, string])[] = [
  [/^ports$/, "port"],
  [/^(.*servers\.\d+\.)ports(\.\d+)?$/, "$1port"],
  [/^tls$/, "tls.certificate"],
  [/^tls\.certificates(\.\d+)?$/, "tls.certificate"],
  [/^tags\..*$/, "tags"],
  [/^backends$/, "backends.servers"],
  [/^(.*)backendTls$/, "$1reach"],
  [/^(.*)backendTls\.enabled$/, "$1reach"],
  [/^(.*servers\.\d+)$/, "$1.address"],
];

/**
 * Puts problems to fields.
 *
 * @param rowOf for each server the row of the form that it comes from
 */
export function placeProblems(problems: readonly RequestProblem[], rowOf: readonly number[]): PlacedProblems {
  const fields: Record<string, string[]> = {};
  const others: string[] = [];
  for (const { requestPath, path, message } of problems) {
    if (requestPath === undefined || requestPath === "") others.push(path === "" ? message : `${path}: ${message}`);
    else (fields[fieldAt(requestPath, rowOf)] ??= []).push(message);
  }
  return { fields, others };
}

/** The name of the field that a path is typed into. */
function fieldAt(requestPath: string, rowOf: readonly number[]): string {
  const dotted = requestPath.replaceAll(/\[(\d+)\]/g, ".$1").replaceAll(/\["([^"]*)"\]/g, ".$1").replace(/^\./, "");
  const inRows = dotted.replace(
    /^((?:backends\.)?servers\.)(\d+)/,
    (_, head: string, index: string) => `${head}${rowOf[Number(index)] ?? index}`,
  );
  const found = TYPED_AS.find(([pattern]) => pattern.test(inRows));
  const name = found === undefined ? inRows : inRows.replace(found[0], found[1]);
  // An item of a list belongs to the list's field.
  return name.replace(/^(accessControl\.groups|acceptProxyProtocol\.from|(?:.*)tls\.alpn)\.\d+$/, "$1");
}
