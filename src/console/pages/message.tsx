/**
 * Pages that only say something.
 *
 * @module
 */

import { Bare } from "../parts/layout.tsx";

/** Why something cannot be shown or done. */
export function MessagePage({ title, text }: { readonly title: string; readonly text: string }) {
  return (
    <Bare title={title}>
      <h1>{title}</h1>
      <p class="message">{text}</p>
      <p>
        <a href="/">To the overview</a>
      </p>
    </Bare>
  );
}

/** Loads the same address again from here, so that the browser sends the session's cookie. */
export function ArrivalPage({ path }: { readonly path: string }) {
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="refresh" content={`0; url=${path}`} />
        <title>Weir</title>
      </head>
      <body>
        <p>
          <a href={path}>Go on to the console</a>
        </p>
      </body>
    </html>
  );
}
