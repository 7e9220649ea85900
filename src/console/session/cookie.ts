/**
 * The cookie that holds a session's id.
 *
 * @module
 */

import type { Context } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";

/** Cookies know no ports: several Weirs on one machine need a name each. */
function nameOf(context: Context): string {
  const port = /:(\d{1,5})$/.exec(context.req.header("host") ?? "")?.[1] ?? "";
  return `weir_session${port === "" ? "" : `_${port}`}`;
}

/** The id that a request brings; `undefined` when it brings none. */
export function sessionId(context: Context): string | undefined {
  return getCookie(context, nameOf(context));
}

/** Gives the browser a session's id, which no script and no other site can use. */
export function giveSession(context: Context, id: string): void {
  setCookie(context, nameOf(context), id, {
    path: "/",
    httpOnly: true,
    sameSite: "Strict",
    secure: isEncrypted(context),
  });
}

/** Takes the id away again. */
export function takeSession(context: Context): void {
  deleteCookie(context, nameOf(context), { path: "/", secure: isEncrypted(context) });
}

/**
 * Whether the browser speaks https, to a web server in front of Weir. The browser itself says so in the Origin of a
 * form; headers such as X-Forwarded-Proto anybody can write, and a cookie that is Secure would never come back over
 * http.
 */
function isEncrypted(context: Context): boolean {
  return context.req.header("origin")?.startsWith("https://") === true;
}
