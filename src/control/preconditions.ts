/**
 * ETags, and changes that are only made while they hold: so that two people who change one thing do not overwrite each
 * other.
 *
 * @module
 */

import { contentHash } from "../config/read_file.ts";
import { WeirError } from "../errors.ts";

/** The ETag of what is shown. */
export function etagOf(shown: unknown): string {
  return `"${contentHash(JSON.stringify(shown)).slice(0, 32)}"`;
}

/** What must hold for a change to be made, as the headers `If-Match` and `If-None-Match` say it. */
export interface Preconditions {
  /** ETags, separated by commas, one of which it must have; `*` for whatever there is. */
  readonly ifMatch?: string | undefined;
  /** ETags that it must not have; `*`: it must not be there. */
  readonly ifNoneMatch?: string | undefined;
}

/**
 * Refuses a change when something is not as it should be.
 *
 * @param current its ETag; `undefined` when it does not exist
 * @throws {WeirError} `precondition_failed`
 */
export function checkPreconditions({ ifMatch, ifNoneMatch }: Preconditions, current: string | undefined): void {
  if (ifMatch !== undefined && !(current !== undefined && matches(ifMatch, current))) {
    const found = current === undefined ? "there is none of that name" : `its ETag is ${current}`;
    throw new WeirError(
      "precondition_failed",
      `It has changed since it was read: If-Match is ${ifMatch}, but ${found}`,
    );
  }
  if (ifNoneMatch !== undefined && current !== undefined && matches(ifNoneMatch, current)) {
    throw new WeirError("precondition_failed", `There is one of that name already: its ETag is ${current}`);
  }
}

/** A weak tag matches nothing: what is equal enough to be read is not equal enough to be overwritten. */
function matches(header: string, etag: string): boolean {
  const given = header.split(",").map((one) => one.trim());
  return given.includes("*") || given.includes(etag);
}
