/**
 * Signing in and out.
 *
 * @module
 */

import type { Context } from "hono";
import { sameSecret } from "../../admin/guard.ts";
import type { Log } from "../../log.ts";
import type { ConsoleApp, ConsoleEnvironment } from "../console.tsx";
import { SignInPage } from "../pages/sign_in.tsx";
import { document, formTextsOf } from "../respond.tsx";
import type { SignInAttempts } from "./attempts.ts";
import { giveSession, sessionId, takeSession } from "./cookie.ts";
import type { Sessions } from "./sessions.ts";

/** What signing in needs. */
export interface SignInContext {
  /** The token in force, empty for none. */
  token(): string;
  readonly sessions: Sessions;
  readonly attempts: SignInAttempts;
  readonly log: Log;
}

/** Where to sign in. @param next where to go then */
export function signInPath(next: string): string {
  return next === "/" ? "/sign-in" : `/sign-in?${new URLSearchParams({ next })}`;
}

/** A path of our own that a header can hold, whatever an address says: nobody is led elsewhere. */
export function ownPath(given: string | undefined): string {
  return given !== undefined && /^\/(?![/\\])[^\\\s\p{Cc}]*$/u.test(given) && !given.startsWith("/sign-in")
    ? given
    : "/";
}

/** Adds the pages. */
export function addSignIn(app: ConsoleApp, { token, sessions, attempts, log }: SignInContext): void {
  const page = (
    context: Context<ConsoleEnvironment>,
    status: 200 | 401 | 429,
    next: string,
    error?: string,
  ) => context.html(document(<SignInPage next={next} error={error} />), status);

  app.get("/sign-in", (context) => {
    const next = ownPath(context.req.query("next"));
    const id = sessionId(context);
    const inForce = token();
    const isIn = inForce === "" || id !== undefined && sessions.use(id, inForce) !== undefined;
    return isIn ? context.redirect(next, 303) : page(context, 200, next);
  });
  app.post("/sign-in", async (context) => {
    const form = await formTextsOf(context);
    const next = ownPath(form.get("next")?.[0]);
    const inForce = token();
    if (inForce === "") return context.redirect(next, 303);
    // In a test, or behind something that hides it, all are one.
    const address = context.env?.address ?? "";
    const wait = attempts.wait(address);
    if (wait > 0) {
      context.header("retry-after", String(wait));
      return page(context, 429, next, `Too many attempts. Try again in ${wait} s.`);
    }
    if (!sameSecret(form.get("token")?.[0] ?? "", inForce)) {
      attempts.failed(address);
      log("warn", "Somebody tried to sign in to the console with a wrong token", { client: address });
      return page(context, 401, next, "The token is wrong.");
    }
    const before = sessionId(context);
    if (before !== undefined) sessions.end(before);
    giveSession(context, sessions.begin(inForce));
    return context.redirect(next, 303);
  });
  app.post("/sign-out", async (context) => {
    const id = sessionId(context);
    const session = id === undefined ? undefined : sessions.use(id, token());
    const given = (await formTextsOf(context)).get("form-token")?.[0] ?? "";
    if (id !== undefined && session !== undefined && sameSecret(given, session.formToken)) {
      sessions.end(id);
      takeSession(context);
    }
    return context.redirect("/sign-in", 303);
  });
}
