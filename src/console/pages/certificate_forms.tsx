/**
 * Uploading, renewing and deleting certificates and client CAs.
 *
 * @module
 */

import { certificateEtag } from "../../admin/certificate_editor.ts";
import { findCertificate } from "../../admin/certificates.ts";
import type { CertificateKind } from "../../config/model.ts";
import type { Note } from "../notes.ts";
import { AreaField, PersistField, TextField } from "../parts/fields.tsx";
import { FormToken, Heading } from "../parts/layout.tsx";
import type { Page, PageContext } from "../page.ts";
import { certificatePath } from "../paths.ts";
import { Users } from "./groups.tsx";

/** Which entry, or a new one. */
export interface CertificateTarget {
  readonly kind: CertificateKind;
  readonly name: string | undefined;
}

/** What was typed, and what is wrong with it. */
export interface CertificateDraft {
  readonly texts: Readonly<Record<string, string>>;
  readonly errors: Readonly<Record<string, readonly string[]>>;
  readonly note?: Note;
}

const TITLES = { certificate: "certificate", clientCA: "client CA" } as const;

/** The form for an upload. Throws the 404 answer for an entry that is not there. */
export function certificateUploadPage(
  context: PageContext,
  { kind, name }: CertificateTarget,
  { texts, errors, note }: CertificateDraft = { texts: {}, errors: {} },
): Page {
  if (name !== undefined) findCertificate(context.view, { kind, name });
  const back = name === undefined ? "/certificates" : certificatePath(kind, name);
  const title = name === undefined ? `Upload ${TITLES[kind]}` : `Renew ${name}`;
  const etag = name === undefined ? "" : texts["etag"] ?? certificateEtag(context.view, { kind, name }) ?? "";
  return {
    title,
    section: "certificates",
    isLive: false,
    ...(note === undefined ? {} : { note }),
    body: (
      <>
        <Heading title={title} above={<a href={back}>{name ?? "Certificates"}</a>} />
        <form
          method="post"
          action={name === undefined ? `/new/${kind === "certificate" ? "certificate" : "client-ca"}` : `${back}/renew`}
          enctype="multipart/form-data"
          class="card stack"
        >
          <FormToken token={context.formToken} />
          <input type="hidden" name="etag" value={etag} />
          {name === undefined && (
            <TextField
              name="name"
              label="Name"
              value={texts["name"] ?? ""}
              hint="Letters, digits, dots, dashes and underscores."
              errors={errors["name"] ?? []}
              isRequired
            />
          )}
          <Pem
            name="certificate"
            label={kind === "certificate" ? "Certificate and chain" : "CA certificates"}
            hint={kind === "certificate"
              ? "PEM: the certificate first, then the certificates that signed it, in order."
              : "PEM: one or more."}
            value={texts["certificate"] ?? ""}
            errors={errors["certificate"] ?? []}
          />
          {kind === "certificate" && (
            <Pem
              name="key"
              label="Private key"
              hint="PEM, not encrypted. It is never shown again."
              value=""
              errors={errors["key"] ?? []}
            />
          )}
          <PersistField context={context} value={texts["persist"]} />
          <p class="buttons">
            <button type="submit" class="primary">{name === undefined ? "Upload" : "Renew"}</button>
            <a class="button" href={back}>Cancel</a>
          </p>
        </form>
      </>
    ),
  };
}

function Pem({ name, label, hint, value, errors }: {
  readonly name: string;
  readonly label: string;
  readonly hint: string;
  readonly value: string;
  readonly errors: readonly string[];
}) {
  return (
    <div class="pem">
      <AreaField
        name={name}
        label={label}
        hint={hint}
        value={value}
        errors={errors}
        rows={6}
        placeholder="-----BEGIN …"
        isRequired
      />
      <div class="field">
        <label for={`file-${name}`}>or a file</label>
        <input type="file" id={`file-${name}`} name={`${name}-file`} accept=".pem,.crt,.cer,.key,text/plain" />
      </div>
    </div>
  );
}

/** Asks before deleting. Throws the 404 answer for an entry that is not there. */
export function certificateDeletePage(
  context: PageContext,
  { kind, name }: { readonly kind: CertificateKind; readonly name: string },
  note?: Note,
): Page {
  const { users } = findCertificate(context.view, { kind, name });
  const back = certificatePath(kind, name);
  return {
    title: `Delete ${name}`,
    section: "certificates",
    isLive: false,
    ...(note === undefined ? {} : { note }),
    body: (
      <>
        <Heading title={`Delete ${TITLES[kind]} ${name}?`} above={<a href={back}>{name}</a>} />
        <form method="post" action={`${back}/delete`} class="card stack">
          <FormToken token={context.formToken} />
          <input type="hidden" name="etag" value={certificateEtag(context.view, { kind, name }) ?? ""} />
          {users.length > 0
            ? (
              <p>
                It cannot be deleted while listeners use it: <Users names={users} />.
              </p>
            )
            : (
              <>
                <p>No listener uses it. Files that Weir has written itself are deleted, others are left.</p>
                <PersistField context={context} value={undefined} />
              </>
            )}
          <p class="buttons">
            {users.length === 0 && <button type="submit" class="danger">Delete</button>}
            <a class="button" href={back}>{users.length === 0 ? "Cancel" : "Back"}</a>
          </p>
        </form>
      </>
    ),
  };
}
