/**
 * What a page is made of.
 *
 * @module
 */

import type { Child } from "hono/jsx";
import type { RuntimeView } from "../admin/views.ts";
import type { EventLog } from "../control/event_log.ts";
import type { Live } from "./live.ts";
import type { Note } from "./notes.ts";
import type { RateHistory } from "./rate_history.ts";

/** What every page can see. */
export interface PageContext {
  readonly view: RuntimeView;
  readonly rates: RateHistory;
  readonly events: EventLog;
  readonly live: Live;
  /** Goes into every form. */
  readonly formToken: string;
  /** Whether somebody has signed in; without a token nobody has to. */
  readonly signedIn: boolean;
  /** Why nothing can be saved to the configuration file; `null` when it can. */
  readonly unsaveable: string | null;
  /** The parameters of the page's address. */
  readonly query: Readonly<Record<string, string>>;
}

/** The parts of the console, in the order of its menu. */
export const SECTIONS = [
  { key: "overview", title: "Overview", path: "/" },
  { key: "listeners", title: "Listeners", path: "/listeners" },
  { key: "backend-groups", title: "Backend groups", path: "/backend-groups" },
  { key: "certificates", title: "Certificates", path: "/certificates" },
  { key: "ip-groups", title: "IP groups", path: "/ip-groups" },
  { key: "events", title: "Events", path: "/events" },
  { key: "config", title: "Configuration", path: "/config" },
] as const;

/** A part of the console. */
export type SectionKey = (typeof SECTIONS)[number]["key"];

/** A page as it is shown. */
export interface Page {
  /** Without the program's name. */
  readonly title: string;
  readonly section: SectionKey;
  readonly body: Child;
  /** Whether it moves by itself; forms do not. */
  readonly isLive: boolean;
  /** What was done last, or why it was not. */
  readonly note?: Note;
}
