/**
 * Creating, renewing and deleting entries of the certificate store: what the admin API and the console do alike.
 *
 * @module
 */

import { deleteCertificate, type EntryName, putCertificate } from "../config/certificate_change.ts";
import type { Upload } from "../config/certificate_store.ts";
import type { ChangeReport, RequestedChange } from "../control/change_reports.ts";
import { titleOf } from "../control/renewed.ts";
import { findCertificate, viewOf } from "./certificates.ts";
import type { ChangeOptions } from "../control/config_editor.ts";
import { checkPreconditions, etagOf } from "../control/preconditions.ts";
import { refusal } from "./problem.ts";
import type { RuntimeView } from "./views.ts";

/** What changing the store needs. */
export interface CertificateEditorContext {
  view(): RuntimeView;
  /**
   * Makes a change serve, and saves it if it says so. Throws when it cannot; everything is as it was then.
   *
   * @param request asked for the change when its turn has come, @param done says what was done, for the log
   */
  change(request: () => RequestedChange, done: () => string): Promise<ChangeReport>;
}

/** What stands for an entry as it is; `undefined` when there is none. */
export function certificateEtag(view: RuntimeView, entry: EntryName): string | undefined {
  const shown = viewOf(view, entry);
  return shown === undefined ? undefined : etagOf(shown);
}

/** Creates or renews an entry. Throws as `change`, and `precondition_failed`. */
export async function storeCertificate(
  { view, change }: CertificateEditorContext,
  upload: Upload,
  options: ChangeOptions,
): Promise<ChangeReport & { readonly created: boolean }> {
  let created = false;
  const report = await change(() => {
    const etag = certificateEtag(view(), upload);
    checkPreconditions(options, etag);
    created = etag === undefined;
    return { persist: options.persist ?? view().model.admin.persist, make: putCertificate(upload) };
  }, () => `${titleOf(upload)} was ${created ? "created" : "renewed"}`);
  return { ...report, created };
}

/** Deletes an entry that nobody uses. Throws as `change`, `precondition_failed`, and the 404 and 409 answers. */
export function removeCertificate(
  { view, change }: CertificateEditorContext,
  entry: EntryName,
  options: ChangeOptions,
): Promise<ChangeReport> {
  return change(() => {
    const { users } = findCertificate(view(), entry);
    checkPreconditions(options, certificateEtag(view(), entry));
    if (users.length > 0) {
      const who = `listener${users.length === 1 ? "" : "s"} ${users.map((user) => `"${user}"`).join(", ")}`;
      throw refusal(409, "in_use", `${titleOf(entry)} is used by ${who}`);
    }
    return { persist: options.persist ?? view().model.admin.persist, make: deleteCertificate(entry) };
  }, () => `${titleOf(entry)} was deleted`);
}
