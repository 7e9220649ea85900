/**
 * Changing the certificate store at run time: a certificate is created, renewed or deleted; saved to its files and the
 * configuration, or held in memory until the next reload.
 *
 * @module
 */

import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import { name, section, text } from "../config/fields.ts";
import { etagOf } from "../control/preconditions.ts";
import { jsonBody } from "./body.ts";
import { type CertificateEditorContext, removeCertificate, storeCertificate } from "./certificate_editor.ts";
import { certificateView, findCertificate } from "./certificates.ts";
import { refusal, refusedConfig } from "./problem.ts";
import {
  changeOptions,
  changeQuery,
  failure,
  guarded,
  json,
  kindParameter,
  preconditionHeaders,
} from "./route_parts.ts";
import { certificateSchema, configProblem } from "./schemas.ts";

/** What changing the store needs. */
export type ChangeDependencies = CertificateEditorContext;

const ABOUT =
  "Checked exactly as at a reload. With persist=true (or admin.persist in the configuration) it is saved, " +
  "to the files of the certificate and to the configuration, all of it or nothing; otherwise it serves until the next " +
  "reload.";

const pem = () => text(1024 * 1024);

const body = section({
  certificate: pem().openapi({ description: "PEM: the certificate, then its chain in order; or CA certificates" }),
  key: pem().optional().openapi({ description: "PEM, not encrypted; only for certificates, and needed there" }),
}, 'a mapping such as { "certificate": PEM, "key": PEM }').openapi("CertificateUpload");

const params = z.object({ name: name().openapi({ param: { name: "name", in: "path" } }) });

const query = changeQuery.extend({ kind: kindParameter });

const failures = {
  400: failure("The name, the body or a parameter is wrong"),
  408: failure("The body did not come in time"),
  409: failure("A listener uses it, or its file has been changed by somebody else"),
  412: failure("It is not as If-Match or If-None-Match says"),
  422: failure("It cannot be used; every error is listed"),
  500: failure("It could not be written; everything is as it was"),
  ...guarded,
};

const uploaded = certificateSchema.extend({
  warnings: z.array(configProblem).openapi({ description: "What is legal and seldom meant" }),
}).openapi("CertificateUploaded");

const putRoute = createRoute({
  method: "put",
  path: "/v1/certificates/{name}",
  summary: "Create or renew a certificate, or an entry of client CAs",
  description: ABOUT,
  security: [{ token: [] }],
  middleware: jsonBody(),
  request: {
    params,
    query,
    headers: preconditionHeaders,
    body: { required: true, content: { "application/json": { schema: body } } },
  },
  responses: {
    200: json(uploaded, "It was renewed, as it serves now"),
    201: json(uploaded, "It was created"),
    413: failure("The body has more than 1 MiB"),
    415: failure("The body is not sent as JSON"),
    ...failures,
  },
});

const deleteRoute = createRoute({
  method: "delete",
  path: "/v1/certificates/{name}",
  summary: "Delete a certificate, or an entry of client CAs",
  description: `${ABOUT} Files that Weir has written itself are deleted, others are left.`,
  security: [{ token: [] }],
  request: { params, query, headers: preconditionHeaders },
  responses: {
    200: json(
      z.object({
        name: z.string(),
        kind: z.enum(["certificate", "clientCA"]),
        persisted: z.boolean().openapi({ description: "Whether it is gone from the configuration's file as well" }),
        filesDeleted: z.array(z.string()),
      }).openapi("CertificateDeleted"),
      "It is gone",
    ),
    404: failure("There is none of that name"),
    ...failures,
  },
});

/** Adds the routes. */
export function addCertificateChangeRoutes(api: OpenAPIHono, editor: ChangeDependencies): void {
  api.openapi(putRoute, async (context) => {
    const { kind } = context.req.valid("query");
    const { certificate, key = null } = context.req.valid("json");
    const entry = { kind, name: context.req.valid("param").name };
    if (kind === "certificate" && key === null) throw refusal(400, "bad_request", 'The body needs "key"');
    if (kind === "clientCA" && key !== null) {
      throw refusal(400, "bad_request", 'A client CA has no "key"; keep it where the CA signs');
    }
    try {
      const { created, warnings } = await storeCertificate(
        editor,
        { ...entry, certificate, key },
        changeOptions(context),
      );
      const shown = certificateView(editor.view(), findCertificate(editor.view(), entry));
      context.header("etag", etagOf(shown));
      return context.json({ ...shown, warnings: [...warnings] }, created ? 201 : 200);
    } catch (error) {
      throw refusedConfig(error);
    }
  });

  api.openapi(deleteRoute, async (context) => {
    const { kind } = context.req.valid("query");
    const entry = { kind, name: context.req.valid("param").name };
    try {
      const { persisted, deleted } = await removeCertificate(editor, entry, changeOptions(context));
      return context.json({ ...entry, persisted, filesDeleted: [...deleted] }, 200);
    } catch (error) {
      throw refusedConfig(error);
    }
  });
}
