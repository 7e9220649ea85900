/**
 * A JSON Schema validator of our own, for the keywords that the configuration's schema uses; any other keyword is an
 * error, so that nothing passes by being overlooked.
 *
 * @module
 */

type Schema = Readonly<Record<string, unknown>>;

/** Checks one keyword: what is wrong with `data`, each with its path. */
type Keyword = (data: unknown, argument: unknown, path: string, schema: Schema) => string[];

const isMapping = (data: unknown): data is Readonly<Record<string, unknown>> =>
  data !== null && typeof data === "object" && !Array.isArray(data);

const entriesOf = (data: unknown): [string, unknown][] => isMapping(data) ? Object.entries(data) : [];
const when = (wrong: boolean, path: string, message: string) => wrong ? [`${path}: ${message}`] : [];

function isOfType(data: unknown, type: unknown): boolean {
  switch (type) {
    case "object":
      return isMapping(data);
    case "array":
      return Array.isArray(data);
    case "integer":
      return Number.isInteger(data);
    case "string":
      return typeof data === "string";
    case "boolean":
      return typeof data === "boolean";
    default:
      throw new Error(`Unknown type ${JSON.stringify(type)}`);
  }
}

/** Annotations: they say nothing about what is valid. */
const silent: Keyword = () => [];

const KEYWORDS: Readonly<Record<string, Keyword>> = {
  $schema: silent,
  title: silent,
  description: silent,
  default: silent,
  type: (data, type, path) => when(!isOfType(data, type), path, `is not of type ${type}`),
  const: (data, value, path) => when(data !== value, path, `is not ${JSON.stringify(value)}`),
  enum: (data, values, path) => when(!(values as unknown[]).includes(data), path, `is none of ${values}`),
  minimum: (data, least, path) => when(typeof data === "number" && data < Number(least), path, `is below ${least}`),
  maximum: (data, most, path) => when(typeof data === "number" && data > Number(most), path, `is above ${most}`),
  minLength: (data, least, path) =>
    when(typeof data === "string" && [...data].length < Number(least), path, `is shorter than ${least}`),
  maxLength: (data, most, path) =>
    when(typeof data === "string" && [...data].length > Number(most), path, `is longer than ${most}`),
  pattern: (data, pattern, path) =>
    when(typeof data === "string" && !new RegExp(String(pattern), "u").test(data), path, `does not match ${pattern}`),
  minItems: (data, least, path) =>
    when(Array.isArray(data) && data.length < Number(least), path, `has fewer than ${least} items`),
  items: (data, schema, path) =>
    Array.isArray(data) ? data.flatMap((item, index) => violations(item, schema, `${path}[${index}]`)) : [],
  required: (data, keys, path) =>
    (keys as string[]).flatMap((key) => when(isMapping(data) && !Object.hasOwn(data, key), path, `has no ${key}`)),
  properties: (data, properties, path) =>
    entriesOf(data).flatMap(([key, value]) =>
      Object.hasOwn(properties as Schema, key) ? violations(value, (properties as Schema)[key], `${path}.${key}`) : []
    ),
  additionalProperties: (data, schema, path, whole) =>
    entriesOf(data).filter(([key]) => !Object.hasOwn((whole["properties"] ?? {}) as Schema, key))
      .flatMap(([key, value]) => violations(value, schema, `${path}.${key}`)),
  propertyNames: (data, schema, path) =>
    entriesOf(data).flatMap(([key]) => violations(key, schema, `${path} key ${key}`)),
  anyOf: (data, schemas, path) => {
    const results = (schemas as unknown[]).map((schema) => violations(data, schema, path));
    return results.some((result) => result.length === 0) ? [] : results.flat();
  },
};

/** What is wrong with data by a JSON Schema; nothing when it is valid. */
export function violations(data: unknown, schema: unknown, path = "$"): string[] {
  if (schema === false) return [`${path}: is not allowed`];
  if (schema === true) return [];
  return Object.entries(schema as Schema).flatMap(([name, argument]) => {
    const keyword = KEYWORDS[name];
    if (keyword === undefined) throw new Error(`The validator does not know "${name}"`);
    return keyword(data, argument, path, schema as Schema);
  });
}
