/**
 * The console: pages to watch and manage a running Weir, beside the admin API on its address. Like that it is made from
 * a narrow set of dependencies and can be tested without sockets.
 *
 * @module
 */

import { type Context, Hono } from "hono";
import { hostGuard, originGuard } from "../admin/guard.ts";
import { BODY_LIMITS, type BodyFault, boundedBody } from "../admin/request_body.ts";
import type { RuntimeView } from "../admin/views.ts";
import type { ConfigEditor } from "../control/config_editor.ts";
import type { EventLog } from "../control/event_log.ts";
import type { ReloadReport } from "../control/change_reports.ts";
import { messageOf } from "../errors.ts";
import type { Log } from "../log.ts";
import { addCertificateActions, type CertificateActionDependencies } from "./actions/certificates.ts";
import { addBindingActions } from "./actions/binding.ts";
import { addDeleteActions } from "./actions/deleting.ts";
import { addGroupActions } from "./actions/groups.ts";
import { addIpGroupActions } from "./actions/ip_groups.ts";
import { addListenerActions } from "./actions/listeners.ts";
import { addReload } from "./actions/reload.ts";
import { addServerActions, type ServerActionDependencies } from "./actions/servers.ts";
import { assetAt } from "./assets.ts";
import { Live, type Snapshot, snapshotOf } from "./live.ts";
import type { LiveStreams } from "./live_streams.ts";
import { Notes } from "./notes.ts";
import type { PageContext } from "./page.ts";
import { Layout } from "./parts/layout.tsx";
import { ArrivalPage, MessagePage } from "./pages/message.tsx";
import { type FoundPage, pageAt } from "./pages/pages.ts";
import type { RateHistory } from "./rate_history.ts";
import { document, type FormResult, formTextsOf, reasonOf, statusOf } from "./respond.tsx";
import { isArrival, refusedForm, securityHeaders } from "./security.ts";
import { SignInAttempts } from "./session/attempts.ts";
import { sessionId } from "./session/cookie.ts";
import { secret, Sessions } from "./session/sessions.ts";
import { addSignIn, signInPath } from "./session/sign_in.tsx";

/** What the console needs. */
export interface ConsoleDependencies extends ServerActionDependencies, CertificateActionDependencies {
  view(): RuntimeView;
  /** Reads and changes the configuration's entries. */
  readonly editor: ConfigEditor;
  reload(): Promise<ReloadReport>;
  /** The token in force, empty for none. */
  token(): string;
  /** Why nothing can be saved to the configuration file; `null` when it can. */
  readonly unsaveable: string | null;
  readonly events: EventLog;
  readonly rates: RateHistory;
  readonly streams: LiveStreams;
  readonly log: Log;
  /** Milliseconds since 1970. */
  now?(): number;
}

/** What a request brings along. */
export interface ConsoleEnvironment {
  Bindings: { /** Who asks. */ readonly address?: string };
  Variables: { /** Goes into every form. */ formToken: string };
}

/** The console, and the parts of it that handle forms. */
export type ConsoleApp = Hono<ConsoleEnvironment>;

/** Handles a form of a page. @returns where to go on, or the page again with what is wrong */
export type FormHandler = (texts: FormTexts, context: Context<ConsoleEnvironment>) => Promise<FormResult>;

/** What a form says. */
export type FormTexts = ReadonlyMap<string, readonly string[]>;

/** Bytes that a form may have: two files of certificates, written out. */
const FORM_LIMIT = 3 * 1024 * 1024;

/** Bytes that somebody may send who has not signed in. */
const SIGN_IN_LIMIT = 16 * 1024;

function limited(bytes: number) {
  return boundedBody({ ...BODY_LIMITS, bytes }, refusedFormBody);
}

/** The answers to forms that are too large, or do not come. */
const BODY_ANSWERS: Readonly<Record<BodyFault, readonly [status: number, title: string, text: string]>> = {
  "too large": [413, "Too much", "The form holds more than it may."],
  "too slow": [408, "Too slow", "The form did not come within ten seconds. Send it again."],
  "broken off": [400, "Broken off", "The form broke off. Send it again."],
};

function refusedFormBody(fault: BodyFault): Response {
  const [status, title, text] = BODY_ANSWERS[fault];
  return new Response(document(<MessagePage title={title} text={text} />), {
    status,
    headers: { "content-type": "text/html; charset=UTF-8" },
  });
}

/** Makes the console. */
export function createConsole(dependencies: ConsoleDependencies): ConsoleApp {
  const { token, log } = dependencies;
  const now = dependencies.now ?? Date.now;
  const app: ConsoleApp = new Hono();
  const sessions = new Sessions(now);
  const notes = new Notes();
  // Without a token there are no sessions; this keeps forms of other sites out all the same.
  const openFormToken = secret();

  app.use(securityHeaders());
  app.use(hostGuard());
  const ownOrigin = originGuard();
  app.use((context, next) => {
    if (!isArrival(context)) return ownOrigin(context, next);
    const { pathname, search } = new URL(context.req.url);
    // What begins with two slashes is the address of another site.
    const path = pathname.replace(/^\/+/, "/") + search;
    return Promise.resolve(context.html(document(<ArrivalPage path={path} />)));
  });
  app.get("/assets/:version/:name", (context) => {
    const asset = assetAt(context.req.path);
    if (asset === undefined) return context.text("There is no such file\n", 404);
    context.header("cache-control", "public, max-age=31536000, immutable");
    return context.body(asset.text, 200, { "content-type": asset.type });
  });
  // Somebody who has not signed in has little to say.
  for (const path of ["/sign-in", "/sign-out"]) app.use(path, limited(SIGN_IN_LIMIT));
  addSignIn(app, { token, sessions, attempts: new SignInAttempts(now), log });

  app.use(async (context, next) => {
    const inForce = token();
    const id = sessionId(context);
    const session = inForce === "" ? { formToken: openFormToken } : id && sessions.use(id, inForce);
    if (session === undefined || session === "") {
      const url = new URL(context.req.url);
      const path = context.req.method === "GET" && url.pathname !== "/live" ? url.pathname + url.search : "/";
      return url.pathname === "/live" ? context.text("Sign in\n", 401) : context.redirect(signInPath(path), 303);
    }
    context.set("formToken", session.formToken);
    await next();
  });

  app.use(limited(FORM_LIMIT));

  const contextOf = (request: Context<ConsoleEnvironment>, live: Live, query: PageContext["query"]): PageContext => ({
    view: dependencies.view(),
    rates: dependencies.rates,
    events: dependencies.events,
    live,
    formToken: request.get("formToken"),
    signedIn: token() !== "",
    unsaveable: dependencies.unsaveable,
    query,
  });
  const render = (request: Context<ConsoleEnvironment>, found: FoundPage, isShown: boolean) => {
    const live = new Live(isShown);
    const context = contextOf(request, live, found.query);
    const page = found.make(context, dependencies.editor);
    const note = isShown ? page.note ?? notes.take(found.query["note"] ?? "") : undefined;
    const html = isShown
      ? document(<Layout context={context} page={{ ...page, ...(note === undefined ? {} : { note }) }} />)
      : String(<>{page.body}</>);
    return { page, html, live };
  };

  app.get("/live", (context) => {
    const { path = "/", shape = "" } = context.req.query();
    const found = pageAt(path);
    if (found === undefined) return context.text("There is no such page\n", 404);
    const [inForce, id] = [token(), sessionId(context)];
    const snapshot = (): Snapshot | undefined => {
      try {
        const { html, live } = render(context, found, false);
        return snapshotOf(html, live);
      } catch {
        return undefined; // what it shows is gone
      }
    };
    const last = context.req.header("last-event-id") ?? "";
    const stream = dependencies.streams.open({
      shape,
      after: /^\d{1,16}$/.test(last) ? Number(last) : dependencies.events.lastId,
      snapshot,
      isAllowed: () => inForce === "" ? token() === "" : id !== undefined && sessions.goesOn(id, token()),
    });
    if (stream === undefined) return context.text("There are as many streams as may be\n", 503);
    return context.body(stream, 200, {
      "content-type": "text/event-stream; charset=utf-8",
      "x-accel-buffering": "no",
    });
  });

  const answer = (context: Context<ConsoleEnvironment>, result: FormResult) => {
    if (result.kind === "page") {
      const live = new Live(true);
      const shown = contextOf(context, live, {});
      return context.html(document(<Layout context={shown} page={result.make(shown)} />), result.status);
    }
    const path = result.note === undefined ? result.path : withNote(result.path, notes.put(result.note));
    return context.redirect(path, 303);
  };
  app.use(async (context, next) => {
    if (context.req.method !== "POST") return await next();
    const texts = await formTextsOf(context);
    const refused = refusedForm(texts.get("form-token")?.[0], context.get("formToken"));
    if (refused === undefined) return await next();
    const text = "This form is not from a page of this session; open the page again.";
    return context.html(document(<MessagePage title="Refused" text={text} />), 403);
  });
  const post = (path: string, handle: FormHandler) => {
    app.post(path, async (context) => answer(context, await handle(await formTextsOf(context), context)));
  };
  addReload(post, dependencies);
  addServerActions(post, dependencies);
  addCertificateActions(post, dependencies);
  addListenerActions(post, dependencies);
  addGroupActions(post, dependencies);
  addIpGroupActions(post, dependencies);
  addBindingActions(post, dependencies);
  addDeleteActions(post, dependencies);

  app.get("*", (context) => {
    const url = new URL(context.req.url);
    const found = pageAt(url.pathname + url.search);
    if (found === undefined) return context.notFound();
    const { page, html } = render(context, found, true);
    if (!page.isLive) return context.html(html);
    const bare = render(context, found, false);
    const { shape } = snapshotOf(bare.html, bare.live);
    return context.html(html.replace('data-page-live=""', `data-page-live="${shape}"`));
  });
  app.notFound((context) =>
    context.html(
      document(<MessagePage title="Not found" text={`There is nothing at ${context.req.path}.`} />),
      404,
    )
  );
  app.onError(async (error, context) => {
    const status = statusOf(error);
    if (status === 500) {
      log("error", "A page of the console failed", { error: error.stack ?? messageOf(error) });
    }
    const title = status === 404 ? "Not found" : status === 500 ? "It did not work" : "Refused";
    return context.html(document(<MessagePage title={title} text={await reasonOf(error)} />), status);
  });
  return app;
}

/** A page's address with the note that it is to show. */
function withNote(path: string, id: string): string {
  return `${path}${path.includes("?") ? "&" : "?"}note=${id}`;
}
