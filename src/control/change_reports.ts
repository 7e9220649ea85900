/**
 * What is asked of the configuration that serves, and what came of it.
 *
 * @module
 */

import type { MakeChange } from "../config/accepted.ts";
import type { Model } from "../config/model.ts";
import type { Refusal } from "../config/renew.ts";
import type { Overrides } from "../config/runtime.ts";
import type { ConfigProblem } from "../errors.ts";
import type { ReportedChange } from "./change_words.ts";

/** What a reload did. */
export interface ReloadReport {
  readonly at: string;
  /** What made it happen. */
  readonly trigger: ReloadTrigger;
  readonly changes: readonly ReportedChange[];
  /** Settings outside of the listeners that changed. */
  readonly general: readonly string[];
  readonly warnings: readonly ConfigProblem[];
}

/** What makes a configuration load. */
export type ReloadTrigger = "start" | "signal" | "api";

/** How reading changed certificate files went. */
export interface RenewalResult {
  readonly at: string;
  /** Certificates and client CAs whose files have changed and cannot be used; the old ones serve on. */
  readonly refused: readonly Refusal[];
  /** Why nothing of it could be carried out; `null` when it was. */
  readonly error: string | null;
}

/** The last reload and how it went. */
export type ReloadResult =
  | { readonly ok: true; readonly report: ReloadReport }
  | { readonly ok: false; readonly at: string; readonly trigger: ReloadTrigger; readonly error: string };

/** A change of one entry of the configuration, as somebody asks for it. */
export interface RequestedChange {
  /** Whether it is saved to the file, or holds until that is read again. */
  readonly persist: boolean;
  readonly make: MakeChange;
  /** What becomes of the overrides of servers, in what serves then. */
  readonly adjust?: (overrides: Overrides, serving: Model) => Overrides;
}

/** What a requested change did. */
export interface ChangeReport {
  readonly persisted: boolean;
  /** Files that were deleted, as the configuration named them. */
  readonly deleted: readonly string[];
  /** What it meant for listeners. */
  readonly changes: readonly ReportedChange[];
  /** Settings outside of the listeners that changed. */
  readonly general: readonly string[];
  /** Warnings about what was changed. */
  readonly warnings: readonly ConfigProblem[];
}
