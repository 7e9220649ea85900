/**
 * The configuration's reference as Markdown, made from the JSON Schema so that it cannot say anything else.
 *
 * @module
 */

type Schema = Readonly<Record<string, unknown>>;

interface Section {
  readonly path: string;
  readonly description: string;
  readonly rows: readonly (readonly [
    key: string,
    value: string,
    fallback: string,
    description: string,
    onReload: string,
  ])[];
}

/** What a reload does with keys that are not simply taken up in place; by path, or that of a section for all in it. */
export const ON_RELOAD: Readonly<Record<string, string>> = {
  "admin.listen": "the new address opens before the old one closes",
  "ipGroups": "in place; their files are read again",
  "maxWorkers": "counts for listeners that start later",
  "listeners[].name": "one listener stops, another starts",
  "listeners[].protocol": "replaces the listener",
  "listeners[].address": "replaces the listener",
  "listeners[].port": "replaces the listener",
  "listeners[].ports": "ports come and go in place; replaces the listener when none stays",
  "listeners[].ipTranslation": "replaces the listener, and ends its connections",
  "listeners[].tls.engine": "replaces the listener",
};

function asSchema(value: unknown): Schema | undefined {
  return value !== null && typeof value === "object" && !Array.isArray(value) ? { ...value } : undefined;
}

function asList(value: unknown): readonly Schema[] {
  return Array.isArray(value) ? value.flatMap((item: unknown): Schema[] => [asSchema(item) ?? {}]) : [];
}

/** What a value may be, in a few words. */
function describeValue(schema: Schema): string {
  const { type, enum: words, minimum, maximum, maxLength, anyOf } = schema;
  const constant = schema["const"];
  if (constant !== undefined) return `\`${String(constant)}\``;
  if (Array.isArray(words)) return words.map((word) => `\`${String(word)}\``).join(", ");
  if (Array.isArray(anyOf)) return asList(anyOf).map(describeValue).join(" or ");
  if (type === "integer") return `${String(minimum)}-${String(maximum)}`;
  if (type === "boolean") return "`true`, `false`";
  if (type === "array") return `list of ${describeValue(asSchema(schema["items"]) ?? {})}`;
  if (type === "object") return schema["properties"] === undefined ? "keys and values" : "section";
  return typeof maxLength === "number" && maxLength < 4096 ? `text, at most ${maxLength}` : "text";
}

function describeDefault(schema: Schema, required: boolean): string {
  if (required) return "required";
  const fallback = schema["default"];
  if (fallback === undefined || typeof fallback === "object" || fallback === "") return "";
  return `\`${String(fallback)}\``;
}

/** Walks over the sections of a schema, outermost first. */
function collect(schema: Schema, path: string, sections: Section[]): void {
  const properties = asSchema(schema["properties"]);
  const inner = asSchema(schema["additionalProperties"]) ?? asSchema(schema["items"]);
  if (inner !== undefined) collect(inner, schema["items"] === undefined ? `${path}.NAME` : `${path}[]`, sections);
  for (const one of asList(schema["anyOf"])) collect(one, path, sections);
  if (properties === undefined) return;
  const required = Array.isArray(schema["required"]) ? schema["required"] : [];
  const entries = Object.entries(properties).flatMap(([key, value]) => {
    const property = asSchema(value);
    return property === undefined ? [] : [{ key, property }];
  });
  sections.push({
    path,
    description: typeof schema["description"] === "string" ? schema["description"] : "",
    rows: entries.map(({ key, property }) => [
      `\`${key}\``,
      describeValue(property),
      // Keys with a default are optional for who writes the file, whatever else the schema says of them.
      describeDefault(property, required.includes(key) && property["default"] === undefined),
      typeof property["description"] === "string" ? property["description"] : "",
      ON_RELOAD[path === "" ? key : `${path}.${key}`] ?? (hasKeys(property) ? "" : "in place"),
    ]),
  });
  for (const { key, property } of entries) collect(property, path === "" ? key : `${path}.${key}`, sections);
}

/** Whether a key is a section whose keys have rows of their own. */
function hasKeys(schema: Schema): boolean {
  const inner = asSchema(schema["additionalProperties"]) ?? asSchema(schema["items"]);
  return schema["properties"] !== undefined || (inner !== undefined && hasKeys(inner)) ||
    asList(schema["anyOf"]).some(hasKeys);
}

/** Renders the reference. */
export function renderReference(schema: Schema): string {
  const sections: Section[] = [];
  collect(schema, "", sections);
  const seen = new Set<string>();
  const parts = sections.filter(({ path }) => {
    // A backend group written in place has the keys of a named one.
    if (path.startsWith("listeners[].backends") || seen.has(path)) return false;
    seen.add(path);
    return true;
  }).map(({ path, description, rows }) => {
    const title = path === "" ? "## Top level" : `## \`${path}\``;
    const table = rows.map((row) => `| ${row.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`);
    const intro = description === "" ? "" : `${description}\n\n`;
    return `${title}\n\n${intro}| key | value | default | what it does | on reload |\n| --- | --- | --- | --- | --- |\n${
      table.join("\n")
    }\n`;
  });
  return `<!-- Made by "deno task generate" from src/config/schema.ts. Do not edit. -->

# Configuration reference

YAML 1.2 or JSON, by the file's ending. Times are in seconds. Unknown keys are errors. \`\${NAME}\` and
\`\${NAME:-default}\` in a value take environment variables (\`$\${NAME}\` stays as \`\${NAME}\`). Paths are relative to the
configuration file. What a reload changes "in place" leaves established connections as they are; a listener that is
replaced gives its own \`shutdown.drainTimeout\` to end ([operations.md](operations.md#reload)).
\`listeners[].backends\` has the keys of \`backendGroups.NAME\`.

${parts.join("\n")}`;
}
