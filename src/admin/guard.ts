/**
 * Who may talk to the admin API: the right Host header (against DNS rebinding) and the bearer token.
 *
 * @module
 */

import { createHash, timingSafeEqual } from "node:crypto";
import type { MiddlewareHandler } from "hono";
import { familyOf } from "../net/ip.ts";
import { problem } from "./problem.ts";

/**
 * Whether a Host header can be the admin API's own. A page of an attacker can make a browser send any name that the
 * attacker owns, but never an address or `localhost`; so only those are the admin's.
 */
export function isOwnHost(host: string): boolean {
  const name = /^\[(.+)\](?::\d{1,5})?$/.exec(host)?.[1] ?? host.replace(/:\d{1,5}$/, "");
  return name.toLowerCase() === "localhost" || familyOf(name) !== undefined;
}

/** Whether two secrets are the same, in a time that does not tell where they differ. */
export function sameSecret(a: string, b: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}

/** Refuses requests that were sent to another name. */
export function hostGuard(): MiddlewareHandler {
  return async (context, next) => {
    const host = context.req.header("host") ?? new URL(context.req.url).host;
    if (!isOwnHost(host)) return wrongHost(host);
    await next();
  };
}

/** What those get who have sent a request to another name. */
export function wrongHost(host: string): Response {
  return problem(421, "wrong_host", `The admin API is reached by its address or as localhost, got Host "${host}"`);
}

/** What every answer of the admin API has, whoever gives it. */
export const PLAIN_HEADERS = [["cache-control", "no-store"], ["x-content-type-options", "nosniff"]] as const;

/** Answers are of this moment and of the type that they say: nobody keeps them, and no browser guesses. */
export function plainHeaders(): MiddlewareHandler {
  return async (context, next) => {
    await next();
    for (const [name, value] of PLAIN_HEADERS) context.header(name, value);
  };
}

/** Refuses what a web page of another origin sends, which needs no answer to do harm: browsers name the origin. */
export function originGuard(): MiddlewareHandler {
  return async (context, next) => {
    const { origin } = context.req.header();
    const own = origin === undefined || URL.parse(origin)?.host === context.req.header("host");
    if (!own || context.req.header("sec-fetch-site") === "cross-site") {
      return problem(
        403,
        "wrong_origin",
        `The admin API takes no requests from pages of another origin, got "${origin ?? "?"}"`,
      );
    }
    await next();
  };
}

/** Refuses requests without the token, when there is one. @param token the token in force, empty for none */
export function tokenGuard(token: () => string): MiddlewareHandler {
  return async (context, next) => {
    const wanted = token();
    if (wanted !== "") {
      const given = /^Bearer +(.+)$/i.exec(context.req.header("authorization") ?? "")?.[1];
      if (given === undefined) {
        return problem(401, "token_missing", 'Send the admin token as "Authorization: Bearer TOKEN"');
      }
      if (!sameSecret(given, wanted)) return problem(401, "token_wrong", "The admin token is wrong");
    }
    await next();
  };
}
