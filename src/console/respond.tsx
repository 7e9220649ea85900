/**
 * Answers of the console: pages as text, forms as texts, errors in words.
 *
 * @module
 */

import type { Context } from "hono";
import { HTTPException } from "hono/http-exception";
import type { Child } from "hono/jsx";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { type Problem, problemSchema, refusedConfig } from "../admin/problem.ts";
import { ConfigError, WeirError } from "../errors.ts";
import type { Note } from "./notes.ts";
import type { Page, PageContext } from "./page.ts";

/** What becomes of a form. */
export type FormResult =
  | { readonly kind: "go"; readonly path: string; readonly note?: Note }
  | {
    readonly kind: "page";
    readonly status: ContentfulStatusCode;
    readonly make: (context: PageContext) => Page;
  };

/** A document for the browser. */
export function document(page: Child): string {
  return `<!DOCTYPE html>${String(page)}`;
}

const FORMS = new WeakMap<Request, Promise<Map<string, string[]>>>();

/** What a form says, by the names of its fields; files as the text in them. */
export function formTextsOf({ req }: Context): Promise<Map<string, string[]>> {
  const known = FORMS.get(req.raw);
  if (known !== undefined) return known;
  const texts = readForm(req.raw);
  FORMS.set(req.raw, texts);
  return texts;
}

async function readForm(request: Request): Promise<Map<string, string[]>> {
  const texts = new Map<string, string[]>();
  const type = request.headers.get("content-type") ?? "";
  if (!/^(application\/x-www-form-urlencoded|multipart\/form-data)\b/i.test(type)) return texts;
  let form: FormData;
  try {
    form = await request.formData();
  } catch {
    return texts; // a broken form has no token either, and is refused
  }
  for (const [name, value] of form) {
    const text = typeof value === "string" ? value : await value.text();
    texts.set(name, [...texts.get(name) ?? [], text]);
  }
  return texts;
}

/** The problem that an error stands for, as the admin API would answer it. */
export async function problemOf(error: unknown): Promise<Problem> {
  const { res } = error instanceof HTTPException ? error : refusedConfig(error);
  const body: unknown = await res?.clone().json().catch(() => undefined);
  const parsed = problemSchema.safeParse(body);
  if (parsed.success) return parsed.data;
  return { type: "about:blank", title: "Error", status: 400, detail: "The request cannot be read" };
}

/** The status that an error is answered with. */
export function statusOf(error: unknown): ContentfulStatusCode {
  if (error instanceof HTTPException) return error.status;
  return error instanceof WeirError || error instanceof ConfigError ? refusedConfig(error).status : 500;
}

/** An error for people. */
export async function reasonOf(error: unknown): Promise<string> {
  if (statusOf(error) === 500 && !(error instanceof WeirError)) return "The log says why.";
  return (await problemOf(error)).detail;
}

/** An error as a note: its reason, and each of its problems with the place. */
export async function errorNote(error: unknown): Promise<Note> {
  const { detail, errors = [] } = await problemOf(error);
  return {
    kind: "error",
    text: detail,
    details: errors.map(({ file, line, column, path, message }) =>
      `${line === 0 ? file : `${file}:${line}:${column}`} ${path === "" ? "" : `${path}: `}${message}`
    ),
  };
}
