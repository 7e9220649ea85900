/**
 * What every answer of the console tells the browser, and which requests it takes from pages.
 *
 * @module
 */

import type { Context, MiddlewareHandler } from "hono";
import { sameSecret } from "../admin/guard.ts";
import { problem } from "../admin/problem.ts";

/** Only our own style, script, streams and forms; nobody may put a page into another one. */
export const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self'",
  "form-action 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
].join("; ");

const HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy": CONTENT_SECURITY_POLICY,
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  // With no-referrer browsers send "Origin: null" with our own forms, which could not be told from others then.
  "referrer-policy": "same-origin",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": "camera=(), geolocation=(), microphone=()",
};

/** Adds the headers; pages are kept by nobody, files may set a time of their own. */
export function securityHeaders(): MiddlewareHandler {
  return async (context, next) => {
    await next();
    for (const [name, value] of Object.entries(HEADERS)) context.header(name, value);
    if (!context.res.headers.has("cache-control")) context.header("cache-control", "no-store");
  };
}

/**
 * Whether somebody follows a link from another site, which changes nothing. The browser leaves the session's cookie
 * out then, and sends it with what our own page asks for next.
 */
export function isArrival(context: Context): boolean {
  const { method } = context.req;
  return (method === "GET" || method === "HEAD") && context.req.header("sec-fetch-site") === "cross-site" &&
    context.req.header("sec-fetch-mode") === "navigate" && context.req.header("sec-fetch-dest") === "document";
}

/** Refuses a form that our pages did not make: 403, as an answer; `undefined` when it may go on. */
export function refusedForm(given: string | undefined, wanted: string): Response | undefined {
  if (given !== undefined && sameSecret(given, wanted)) return undefined;
  return problem(403, "wrong_form", "This form is not from a page that was opened in this session; open it again");
}
