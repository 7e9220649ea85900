/**
 * The configuration that serves, without secrets.
 *
 * @module
 */

import { stringify } from "yaml";
import { unsavedPaths } from "../../config/accepted.ts";
import { shownConfig } from "../../config/whole_config.ts";
import { Heading, Section } from "../parts/layout.tsx";
import type { Page, PageContext } from "../page.ts";

/** The page. */
export function configPage({ view }: PageContext): Page {
  const unsaved = unsavedPaths(view.accepted);
  return {
    title: "Configuration",
    section: "config",
    isLive: true,
    body: (
      <>
        <Heading title="Configuration" />
        <p class="lead">
          What serves, with every default; secrets are masked. It was read from <code>{view.configFile}</code>.
        </p>
        {unsaved.length > 0 && (
          <div class="note" data-kind="warning">
            <p>
              <strong>Not in the file:</strong> the next reload forgets these.
            </p>
            <ul>
              {unsaved.map((path) => (
                <li>
                  <code>{path}</code>
                </li>
              ))}
            </ul>
          </div>
        )}
        <Section id="effective" title="Effective configuration">
          <pre
            tabindex={0}
            aria-label="The configuration as YAML"
          >{stringify(shownConfig(view.accepted.valid), { lineWidth: 0 })}</pre>
        </Section>
      </>
    ),
  };
}
