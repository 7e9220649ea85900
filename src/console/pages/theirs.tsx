/**
 * What somebody else has made of an entry while it was edited here.
 *
 * @module
 */

import { stringify } from "yaml";

/** It, as the configuration says it; nothing when nobody has changed it. */
export function Theirs({ settings }: { readonly settings: unknown }) {
  if (settings === undefined) return null;
  return (
    <div>
      <h2>What serves by now</h2>
      <pre tabindex={0} aria-label="As somebody else has changed it">{stringify(settings, { lineWidth: 0 })}</pre>
    </div>
  );
}

/** What is said then. */
export const CHANGED_MEANWHILE =
  "Somebody else has changed this since you opened it. Nothing that you typed is lost: " +
  "compare it with what serves by now, which is shown below. Saving again puts yours in the place of theirs.";
