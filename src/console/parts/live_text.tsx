/**
 * Texts that move.
 *
 * @module
 */

import type { Live } from "../live.ts";
import { ago, moment, toneOf } from "./words.ts";

/** A text under its name, unique on the page. */
export function LiveText({ live, name, text }: { readonly live: Live; readonly name: string; readonly text: string }) {
  return <span data-live={name}>{live.put(name, text)}</span>;
}

/** A state in words, with a sign and a colour. */
export function LiveState({ live, name, text }: { readonly live: Live; readonly name: string; readonly text: string }) {
  const shown = live.put(name, text);
  return <span class="state" data-live={name} data-tone={live.put(`${name}.tone`, toneOf(text))}>{shown}</span>;
}

/** A state that does not move. */
export function State({ text, tone }: { readonly text: string; readonly tone?: string }) {
  return <span class={text.length > 30 ? "state long" : "state"} data-tone={tone ?? toneOf(text)}>{text}</span>;
}

/** When something was: how long ago, and the moment itself for who points at it. */
export function Ago(
  { live, name, at, now }: { readonly live: Live; readonly name: string; readonly at: string; readonly now: Date },
) {
  return (
    <time datetime={at} title={moment(at)} data-live={name}>
      {live.put(name, ago(now.getTime() - Date.parse(at)))}
    </time>
  );
}
