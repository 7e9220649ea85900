/**
 * The certificate store in the admin API: what serves, until when, and for whom. Never a key.
 *
 * @module
 */

import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import type { EntryName } from "../config/certificate_change.ts";
import type { CertificatePlan } from "../config/model.ts";
import { etagOf } from "../control/preconditions.ts";
import { suggestion } from "../text/nearest.ts";
import { refusal } from "./problem.ts";
import { failure, guarded, json, kindParameter, nameParameter } from "./route_parts.ts";
import { certificateSchema } from "./schemas.ts";
import type { RuntimeView } from "./views.ts";

const certificatesRoute = createRoute({
  method: "get",
  path: "/v1/certificates",
  summary: "All certificates and client CAs that serve",
  security: [{ token: [] }],
  responses: {
    200: json(z.object({ certificates: z.array(certificateSchema) }), "Subjects, issuers, validity and users"),
    ...guarded,
  },
});

const certificateRoute = createRoute({
  method: "get",
  path: "/v1/certificates/{name}",
  summary: "One certificate, or one entry of client CAs",
  security: [{ token: [] }],
  request: {
    params: nameParameter,
    query: z.object({ kind: kindParameter }),
  },
  responses: {
    200: json(certificateSchema, "Subject, issuer, validity and users"),
    400: failure("The kind is neither"),
    404: failure("There is none of that name"),
    ...guarded,
  },
});

/** Adds the routes to the API. */
export function addCertificateRoutes(api: OpenAPIHono, { view }: { readonly view: () => RuntimeView }): void {
  api.openapi(certificatesRoute, (context) => {
    const now = view();
    return context.json({ certificates: storedCertificates(now).map((entry) => certificateView(now, entry)) }, 200);
  });
  api.openapi(certificateRoute, (context) => {
    const now = view();
    const { name } = context.req.valid("param");
    const { kind } = context.req.valid("query");
    const shown = certificateView(now, findCertificate(now, { kind, name }));
    context.header("etag", etagOf(shown));
    return context.json(shown, 200);
  });
}

/** The entry of a name. Throws the 404 answer when there is none. */
export function findCertificate({ model }: RuntimeView, { kind, name }: EntryName): CertificatePlan {
  const section = model[kind === "certificate" ? "certificates" : "clientCAs"];
  const entry = section.get(name);
  if (entry !== undefined) return entry;
  const title = kind === "certificate" ? "certificate" : "client CA";
  throw refusal(404, "no_such_certificate", `There is no ${title} "${name}"${suggestion(name, [...section.keys()])}`);
}

/** What is shown of an entry; `undefined` when there is none. */
export function viewOf(view: RuntimeView, { kind, name }: EntryName): z.infer<typeof certificateSchema> | undefined {
  const entry = view.model[kind === "certificate" ? "certificates" : "clientCAs"].get(name);
  return entry === undefined ? undefined : certificateView(view, entry);
}

/** Certificates first, then client CAs. */
export function storedCertificates({ model }: RuntimeView): CertificatePlan[] {
  return [...model.certificates.values(), ...model.clientCAs.values()];
}

/** When the first certificate of an entry expires, in seconds since 1970. */
export function notAfter({ chain }: Pick<CertificatePlan, "chain">): number {
  return Math.min(...chain.map((one) => Date.parse(one.validTo))) / 1000;
}

/** One entry. */
export function certificateView(view: RuntimeView, entry: CertificatePlan): z.infer<typeof certificateSchema> {
  const { name, kind, certFile, keyFile, chain, users } = entry;
  const details = chain.map((one) => ({ ...one, sans: [...one.sans] }));
  const refused = view.lastRenewal?.refused.find((one) => one.name === name && one.kind === kind);
  return {
    name,
    kind,
    ...chain[0],
    sans: [...chain[0].sans],
    certFile,
    keyFile,
    users: [...users],
    chainLength: chain.length,
    chain: details,
    persisted: entry.persisted,
    refused: refused?.reason ?? null,
  };
}
