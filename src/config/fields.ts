/**
 * The kinds of value a configuration key can hold, each with the one message that a wrong value gets: what is
 * allowed, then what was found.
 *
 * @module
 */

import { z } from "zod";
import { suggestion } from "../text/nearest.ts";
import { showText } from "../text/show_text.ts";

/** How a value is shown in a message. */
export function showValue(value: unknown): string {
  if (value === undefined || value === null) return "nothing";
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  if (typeof value === "object") return "a mapping";
  return typeof value === "string" ? showText(value) : String(value);
}

/** Makes zod's error function for a rule: `is required: <rule>` or `<rule>, got <value>`. */
export function rule(text: string): { error: (issue: { readonly input?: unknown }) => string } {
  return {
    error: ({ input }) => input === undefined ? `is required: ${text}` : `${text}, got ${showValue(input)}`,
  };
}

/** A whole number between `min` and `max`, both included. */
export function whole(min: number, max: number, unit = ""): z.ZodInt {
  const range = `between ${min} and ${max}${unit === "" ? "" : ` ${unit}`}`;
  const message = rule(`must be ${range}`);
  const notWhole = {
    error: ({ input }: { readonly input?: unknown }) => {
      if (typeof input === "number") return rule(`must be a whole number ${range}`).error({ input });
      const quoted = typeof input === "string" && /^-?\d+$/.test(input);
      return message.error({ input }) + (quoted ? "; write it without quotes" : "");
    },
  };
  return z.int(notWhole).min(min, message).max(max, message);
}

/** One word out of a few. */
export function oneOf<const Words extends readonly [string, ...string[]]>(...words: Words) {
  const list = words.map((word) => `"${word}"`);
  const text = list.length === 1 ? list.join() : `${list.slice(0, -1).join(", ")} or ${list.at(-1)}`;
  return z.enum(words, {
    error: ({ input }) =>
      input === undefined
        ? `is required: must be ${text}`
        : `must be ${text}, got ${showValue(input)}${hintFor(input, words)}`,
  });
}

function hintFor(input: unknown, words: readonly string[]): string {
  if (typeof input === "string") return suggestion(input, words);
  const isPlain = typeof input === "number" || typeof input === "boolean";
  return isPlain && words.includes(String(input)) ? "; write it in quotes" : "";
}

/** How many characters a text has, as JSON Schema counts them: code points, some of which are two in UTF-16. */
export function countCharacters(value: string): number {
  let count = 0;
  for (const _ of value) count++;
  return count;
}

/** Bounds a text to `max` characters. @param message what a longer one gets */
export function atMost(schema: z.ZodString, max: number, message: ReturnType<typeof rule>): z.ZodString {
  return schema.refine((value) => value.length <= max || countCharacters(value) <= max, message)
    .meta({ maxLength: max });
}

/** A text of `min` to `max` characters. */
export function text(max: number, min = 1): z.ZodString {
  const notText = {
    error: ({ input }: { readonly input?: unknown }) => {
      const unquoted = typeof input === "number" || typeof input === "boolean";
      return rule("must be a text").error({ input }) + (unquoted ? "; write it in quotes" : "");
    },
  };
  const tooLong = {
    error: ({ input }: { readonly input?: unknown }) =>
      `must be at most ${max} characters, got ${typeof input === "string" ? countCharacters(input) : showValue(input)}`,
  };
  return atMost(z.string(notText).min(min, rule("must not be empty")), max, tooLong);
}

const NAME_RULE = rule(
  "must be a name of 1 to 63 letters, digits, dots, dashes or underscores that starts with a letter or digit",
);

/** The name of a listener, group, certificate or set of addresses. */
export function name() {
  return z.string(NAME_RULE).regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, NAME_RULE);
}

/** A reference to something that is defined elsewhere in the file under that name. */
export function reference(kind: string) {
  const message = rule(`must be the name of a ${kind}`);
  return z.string(message).min(1, message);
}

/** `unlimited`, or a whole number from 1 to 1,000,000. */
export function limit(unit: string) {
  const message = rule(`must be "unlimited" or between 1 and 1000000 ${unit}`);
  return z.union([z.literal("unlimited"), z.int(message).min(1, message).max(1_000_000, message)], message);
}

/** A switch. */
export function flag() {
  return z.boolean(rule("must be true or false"));
}

/** A list of at least `min` items. */
export function list<Item extends z.ZodType>(item: Item, what: string, min = 0): z.ZodArray<Item> {
  const message = rule(min === 0 ? `must be a list of ${what}` : `must be a list of ${what}, at least ${min}`);
  return z.array(item, message).min(min, message);
}

/**
 * A section of the file: a mapping in which every key is known. The message for unknown keys holds one line for each
 * of them, in zod's order, so that the caller can give each its own place.
 */
export function section<Shape extends z.core.$ZodLooseShape>(shape: Shape, what: string) {
  const known = Object.keys(shape);
  return z.strictObject(shape, {
    error: (issue) => {
      if (issue.code === "unrecognized_keys") {
        return issue.keys.map((key) =>
          `unknown key ${showText(key)}${suggestion(key, known) || `; known are ${known.join(", ")}`}`
        ).join("\n");
      }
      return issue.input === undefined
        ? `is required: must be ${what}`
        : `must be ${what}, got ${showValue(issue.input)}`;
    },
  });
}

/** A mapping from names to values of one kind. */
export function named<Value extends z.ZodType>(value: Value, what: string) {
  return z.record(name(), value, {
    error: (issue) =>
      issue.code === "invalid_key"
        ? NAME_RULE.error({ input: issue.input })
        : `must be a mapping from names to ${what}, got ${showValue(issue.input)}`,
  });
}
