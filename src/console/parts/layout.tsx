/**
 * What all pages have in common.
 *
 * @module
 */

import type { Child } from "hono/jsx";
import type { Note } from "../notes.ts";
import { type Page, type PageContext, SECTIONS } from "../page.ts";
import { assetPath } from "../assets.ts";

function Head({ title }: { readonly title: string }) {
  return (
    <head>
      <meta charset="utf-8" />
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <meta name="color-scheme" content="light dark" />
      <title>{`${title} · Weir`}</title>
      <link rel="icon" href={assetPath("icon.svg")} type="image/svg+xml" />
      <link rel="stylesheet" href={assetPath("console.css")} />
      <script src={assetPath("console.js")} defer></script>
    </head>
  );
}

/** The program's sign: water over an edge. */
function Sign() {
  return (
    <svg class="sign" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <path d="M3 9h11c5 0 6 3 6 7v6" />
      <path d="M3 15h8c3 0 4 2 4 4v3" />
      <path d="M3 27c3-3 6-3 9 0s6 3 9 0 6-3 8-1" />
    </svg>
  );
}

/** The session's token, in a form that changes something. */
export function FormToken({ token }: { readonly token: string }) {
  return <input type="hidden" name="form-token" value={token} />;
}

/** What was done last. */
export function NoteBox({ note }: { readonly note: Note }) {
  const titles = { done: "Done", warning: "Mind this", error: "Not done" } as const;
  return (
    <div class="note" data-kind={note.kind} role={note.kind === "error" ? "alert" : "status"} tabindex={-1}>
      <p>
        <strong>{titles[note.kind]}:</strong> {note.text}
      </p>
      {note.details !== undefined && note.details.length > 0 && (
        <ul>
          {note.details.map((line) => <li>{line}</li>)}
        </ul>
      )}
    </div>
  );
}

/** A whole page with menu and heading. */
export function Layout({ context, page }: { readonly context: PageContext; readonly page: Page }) {
  return (
    <html lang="en">
      <Head title={page.title} />
      <body data-page-live={page.isLive ? "" : undefined}>
        <a class="skip" href="#main">Skip to the content</a>
        <header class="top">
          <a class="brand" href="/">
            <Sign />
            <span>Weir</span>
          </a>
          {page.isLive && (
            <span class="liveness" data-liveness="off" role="status">
              <noscript>Not live: reload the page to see changes</noscript>
            </span>
          )}
          {context.signedIn && (
            <form method="post" action="/sign-out" class="sign-out">
              <FormToken token={context.formToken} />
              <button type="submit" class="plain">Sign out</button>
            </form>
          )}
        </header>
        <nav aria-label="Console" class="menu">
          <ul>
            {SECTIONS.map(({ key, title, path }) => (
              <li>
                <a href={path} aria-current={key === page.section ? "page" : undefined}>{title}</a>
              </li>
            ))}
          </ul>
        </nav>
        <main id="main" tabindex={-1}>
          {page.note !== undefined && <NoteBox note={page.note} />}
          <div id="content">{page.body}</div>
        </main>
        <div class="toasts" role="log" aria-live="polite" aria-label="What is happening"></div>
      </body>
    </html>
  );
}

/** A page of its own, before anybody is signed in or when there is nothing to show. */
export function Bare({ title, children }: { readonly title: string; readonly children?: Child }) {
  return (
    <html lang="en">
      <Head title={title} />
      <body class="bare">
        <main id="main">
          <p class="brand">
            <Sign />
            <span>Weir</span>
          </p>
          {children}
        </main>
      </body>
    </html>
  );
}

/** The heading of a page, with what can be done there. */
export function Heading(
  { title, children, above }: { readonly title: Child; readonly children?: Child; readonly above?: Child },
) {
  return (
    <div class="heading">
      <div>
        {above !== undefined && <p class="above">{above}</p>}
        <h1>{title}</h1>
      </div>
      {children !== undefined && <div class="actions">{children}</div>}
    </div>
  );
}

/** A part of a page under a heading of its own. */
export function Section(
  { id, title, children, actions }: {
    readonly id: string;
    readonly title: string;
    readonly children?: Child;
    readonly actions?: Child;
  },
) {
  return (
    <section class="card" aria-labelledby={`${id}-heading`} id={id}>
      <div class="card-head">
        <h2 id={`${id}-heading`}>{title}</h2>
        {actions}
      </div>
      {children}
    </section>
  );
}
