/**
 * Uploading, renewing and deleting certificates and client CAs.
 *
 * @module
 */

import { type CertificateEditorContext, removeCertificate, storeCertificate } from "../../admin/certificate_editor.ts";
import type { CertificateKind } from "../../config/model.ts";
import type { FormTexts } from "../console.tsx";
import type { Note } from "../notes.ts";
import { persistOf } from "../parts/fields.tsx";
import { certificateDeletePage, type CertificateTarget, certificateUploadPage } from "../pages/certificate_forms.tsx";
import { certificatePath } from "../paths.ts";
import { errorNote, type FormResult, problemOf } from "../respond.tsx";
import type { AddForm } from "./reload.ts";

/** What changing certificates needs. */
export type CertificateActionDependencies = CertificateEditorContext;

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

/** Adds the actions. */
export function addCertificateActions(post: AddForm, dependencies: CertificateActionDependencies): void {
  for (const kind of ["certificate", "clientCA"] as const) {
    const section = kind === "certificate" ? "certificates" : "client-cas";
    post(
      `/new/${kind === "certificate" ? "certificate" : "client-ca"}`,
      (texts) => upload(dependencies, { kind, name: undefined }, texts),
    );
    post(
      `/${section}/:name/renew`,
      (texts, { req }) => upload(dependencies, { kind, name: req.param("name") ?? "" }, texts),
    );
    post(`/${section}/:name/delete`, (texts, { req }) => remove(dependencies, kind, req.param("name") ?? "", texts));
  }
}

async function upload(
  dependencies: CertificateActionDependencies,
  target: CertificateTarget,
  texts: FormTexts,
): Promise<FormResult> {
  const typed = (name: string) => texts.get(name)?.[0] ?? "";
  const pem = (name: string) => typed(`${name}-file`).trim() === "" ? typed(name) : typed(`${name}-file`);
  const { kind } = target;
  const name = target.name ?? typed("name").trim();
  const persist = persistOf(texts);
  const again = (errors: Record<string, string[]>, note: Note): FormResult => ({
    kind: "page",
    status: 422,
    make: (context) =>
      certificateUploadPage(context, target, {
        texts: { name, certificate: pem("certificate"), etag: typed("etag"), persist: String(persist) },
        errors,
        note,
      }),
  });
  const missing = missingOf(kind, name, pem);
  if (Object.keys(missing).length > 0) {
    return again(missing, { kind: "error", text: "Something is missing; it says below what. Give the key again." });
  }
  try {
    const { created, persisted, warnings } = await storeCertificate(
      dependencies,
      { kind, name, certificate: pem("certificate"), key: kind === "certificate" ? pem("key") : null },
      {
        ...(target.name === undefined ? { ifNoneMatch: "*" } : { ifMatch: typed("etag") }),
        persist,
      },
    );
    const where = persisted ? "saved" : "not saved: it serves until the next reload";
    return {
      kind: "go",
      path: certificatePath(kind, name),
      note: {
        kind: warnings.length > 0 ? "warning" : "done",
        text: `${name} was ${created ? "uploaded" : "renewed"} (${where}).`,
        details: warnings.map(({ message }) => message),
      },
    };
  } catch (error) {
    const { type, errors = [] } = await problemOf(error);
    if (type.endsWith(":precondition_failed")) return again(...conflict(target.name, name));
    const own = errors.filter(({ path }) => path.includes(`.${name}`) || path.includes(`"${name}"`));
    const of = (key: string) =>
      own.filter(({ path }) => path.endsWith(".keyFile") === (key === "key")).map(({ message }) => message);
    return again({ certificate: of("certificate"), key: of("key") }, await errorNote(error));
  }
}

function conflict(renewed: string | undefined, name: string): [Record<string, string[]>, Note] {
  if (renewed === undefined) {
    const text = `There is one of the name "${name}" already; take another name, or renew that one`;
    return [{ name: [text] }, { kind: "error", text: `${text}.` }];
  }
  const text = "Somebody else has changed it since this page was opened. Look at it again before you renew it.";
  return [{}, { kind: "error", text }];
}

function missingOf(kind: CertificateKind, name: string, pem: (name: string) => string): Record<string, string[]> {
  return {
    ...(NAME.test(name) ? {} : {
      name: [
        "must be a name of 1 to 63 letters, digits, dots, dashes or underscores that starts with a letter or digit",
      ],
    }),
    ...(pem("certificate").trim() === "" ? { certificate: ["is required: PEM"] } : {}),
    ...(kind === "certificate" && pem("key").trim() === "" ? { key: ["is required: PEM"] } : {}),
  };
}

async function remove(
  dependencies: CertificateActionDependencies,
  kind: CertificateKind,
  name: string,
  texts: FormTexts,
): Promise<FormResult> {
  try {
    const { persisted } = await removeCertificate(dependencies, { kind, name }, {
      ifMatch: texts.get("etag")?.[0] ?? "",
      persist: persistOf(texts),
    });
    const where = persisted ? "from the configuration as well" : "until the next reload";
    return { kind: "go", path: "/certificates", note: { kind: "done", text: `${name} was deleted, ${where}.` } };
  } catch (error) {
    const note = await errorNote(error);
    return { kind: "page", status: 409, make: (context) => certificateDeletePage(context, { kind, name }, note) };
  }
}
