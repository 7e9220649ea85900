/**
 * Commands talk to a running Weir through its admin API.
 *
 * @module
 */

import { messageOf, WeirError } from "../errors.ts";
import type { Flag, Given } from "./command.ts";

/** `--admin URL`, `--token TOKEN` */
export const ADMIN_FLAGS: readonly Flag[] = [
  { name: "admin", value: "URL", help: "where the admin API is (default: WEIR_ADMIN, or http://127.0.0.1:9900)" },
  { name: "token", value: "TOKEN", help: "its token (default: WEIR_ADMIN_TOKEN)" },
];

/** An answer of the admin API. */
export interface AdminAnswer {
  readonly status: number;
  /** The body, parsed. */
  readonly body: unknown;
}

/**
 * Calls the admin API.
 *
 * @param sent the body, which goes as JSON, @param client who keeps the connections, where it is not the runtime
 * @throws {WeirError} `admin_unreachable` when nobody answers, or the token is wrong
 */
export async function callAdmin(
  given: Given,
  method: "GET" | "POST" | "PATCH" | "DELETE",
  path: string,
  sent?: unknown,
  client?: Deno.HttpClient,
): Promise<AdminAnswer> {
  const base = given.values.get("admin") ?? (Deno.env.get("WEIR_ADMIN") || "http://127.0.0.1:9900");
  const token = given.values.get("token") ?? Deno.env.get("WEIR_ADMIN_TOKEN") ?? "";
  const url = URL.parse(path, base.includes("://") ? base : `http://${base}`);
  if (url === null) throw new WeirError("usage", `--admin must be a URL such as http://127.0.0.1:9900, got "${base}"`);
  let response: Response;
  let body: unknown;
  try {
    response = await fetch(url, {
      method,
      headers: {
        ...(token === "" ? {} : { authorization: `Bearer ${token}` }),
        ...(sent === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(sent === undefined ? {} : { body: JSON.stringify(sent) }),
      ...(client === undefined ? {} : { client }),
      signal: AbortSignal.timeout(30_000),
    });
    body = response.status === 204 ? null : await response.json();
  } catch (error) {
    if (/Requests to port \d+ are blocked/.test(rootCause(error))) {
      throw new WeirError(
        "admin_unreachable",
        `No HTTP client asks port ${url.port}, which belongs to another protocol; give admin.listen another one`,
        { cause: error },
      );
    }
    throw new WeirError(
      "admin_unreachable",
      `Cannot reach a running Weir at ${url.origin}: ${
        rootCause(error)
      }; is it running, and is that its admin.listen? ` +
        "--admin URL or WEIR_ADMIN names another address",
      { cause: error },
    );
  }
  if (response.status === 401) {
    const fault = token === "" ? "asks for a token" : "does not take this token";
    throw new WeirError(
      "admin_unreachable",
      `The Weir at ${url.origin} ${fault}; give its admin.token with --token or WEIR_ADMIN_TOKEN`,
    );
  }
  return { status: response.status, body };
}

/** Whether nobody listens where {@link callAdmin} has looked. @param error what it threw */
export function isNobodyThere(error: unknown): boolean {
  return error instanceof WeirError && rootCause(error) === REFUSED;
}

/** What a problem document says. */
export function detailOf(body: unknown): string {
  return body !== null && typeof body === "object" && "detail" in body ? String(body.detail) : "The admin API refused";
}

const REFUSED = "connection refused";

function rootCause(error: unknown): string {
  if (error instanceof DOMException && error.name === "TimeoutError") return "no answer within 30 s";
  if (error instanceof SyntaxError) return "what answers is not a Weir";
  let deepest = error;
  // What went wrong stands in the cause of what fetch() throws.
  while (deepest instanceof Error && deepest.cause !== undefined) deepest = deepest.cause;
  const text = messageOf(deepest);
  return /refused/i.test(text) ? REFUSED : text;
}
