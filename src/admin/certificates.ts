/**
 * The certificate store in the admin API: what serves, until when, and for whom. Never a key.
 *
 * @module
 */

import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import type { CertificatePlan } from "../config/model.ts";
import { refusal } from "./problem.ts";
import { failure, guarded, json, nameParameter } from "./route_parts.ts";
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
    query: z.object({
      kind: z.enum(["certificate", "clientCA"]).default("certificate").openapi({
        param: { name: "kind", in: "query" },
        description: "A certificate and a client CA may have the same name",
      }),
    }),
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
    const entry = now.model[kind === "certificate" ? "certificates" : "clientCAs"].get(name);
    if (entry === undefined) {
      const title = kind === "certificate" ? "certificate" : "client CA";
      throw refusal(404, "no_such_certificate", `There is no ${title} "${name}"`);
    }
    return context.json(certificateView(now, entry), 200);
  });
}

/** Certificates first, then client CAs. */
export function storedCertificates({ model }: RuntimeView): CertificatePlan[] {
  return [...model.certificates.values(), ...model.clientCAs.values()];
}

/** When the first certificate of an entry expires, in seconds since 1970. */
export function notAfter({ chain }: Pick<CertificatePlan, "chain">): number {
  return Math.min(...chain.map((one) => Date.parse(one.validTo))) / 1000;
}

function certificateView(view: RuntimeView, entry: CertificatePlan): z.infer<typeof certificateSchema> {
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
    refused: refused?.reason ?? null,
  };
}
