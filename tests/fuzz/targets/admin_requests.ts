/** Requests to every route of the admin API, with bodies that are right, and with bodies that are not. @module */

import fc from "fast-check";
import { issue } from "../../support/authority.ts";
import { projectPath } from "../../support/program.ts";
import { type Random, randomFrom } from "../../support/random.ts";
import { configs, groups, ipGroups, listeners } from "../../unit/admin/generated_configs.ts";

/** Two certificates. */
export const [first, second] = await Promise.all([issue({ name: "first" }), issue({ name: "second" })]);

interface OpenApi {
  readonly paths: Readonly<
    Record<string, Readonly<Record<string, { readonly responses: Readonly<Record<string, unknown>> }>>>
  >;
}

/** Every route, so that none is forgotten, and what it may answer with. */
export const { paths } = JSON.parse(Deno.readTextFileSync(projectPath("docs/openapi.json"))) as OpenApi;

/** Routes with what they may answer. */
export const routes = Object.entries(paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, { responses }]) => ({
    method: method.toUpperCase(),
    path,
    pattern: new RegExp(`^${path.replaceAll(/\{\w+\}/g, "[^/]+")}$`),
    statuses: Object.keys(responses).map(Number),
  }))
);

/** Data with something in it that is no more what it was. */
function damaged(data: unknown, random: Random): unknown {
  if (data === null || typeof data !== "object" || random(4) === 0) return ODD[random(ODD.length)];
  if (Array.isArray(data)) {
    const at = random(data.length + 1);
    return data.length === 0 || random(4) === 0
      ? data.toSpliced(at, random(2), data[0] ?? ODD[random(ODD.length)])
      : data.with(at % data.length, damaged(data[at % data.length], random));
  }
  const entries = Object.entries(data);
  const at = random(entries.length + 1);
  const [key, value] = entries[at] ?? [KEYS[random(KEYS.length)] ?? "", ODD[random(ODD.length)]];
  if (random(4) === 0) return Object.fromEntries(entries.toSpliced(at, 1));
  return Object.fromEntries([...entries.toSpliced(at, 1), [key, damaged(value, random)]]);
}

let deep: unknown = "x";
for (let level = 0; level < 31; level++) deep = [deep];

const ODD: readonly unknown[] = [
  ...[null, true, false, 0, -1, 1, 1.5, 65535, 65536, 1e308, "", " ", "\n", "\u0000", "\ud800", "x".repeat(5000)],
  ..."a 0 ${A} ${A:-1} - ' \" { *a &a !!x | ü😀 __proto__ off unlimited #".split(" "),
  ...["# no comment", "- x", "a: b", [], {}, [[]], [null], deep, ["10.0.0.1"], { a: 1 }, { name: "front" }],
  ...["list.txt", "/", "/dev/zero"].map((file) => ({ file })),
];

const KEYS = ["", ..."name port servers __proto__ constructor a.b tags tls healthCheck ports etag".split(" ")];

const names = fc.constantFrom(
  ..."front own safe web spare office guests www new a.b %00 .. x%2fy".split(" "),
);
const servers = fc.constantFrom(
  ..."10.0.0.11:80 10.0.0.14:80 10.0.0.11%3A80 app:80 x [::1]:80 10.0.0.99:1-3".split(" "),
);
const queries = fc.constantFrom(
  "",
  ...("&?persist=true&?persist=false&?persist=x&?kind=clientCA&?tag=env:prod&?tag=x".split("&")),
);

const bodies: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom("a", "b-1", "c.d").chain((name) => listeners(name as "a", ["web", "spare"], ["office", "guests"])),
  groups.map((group) => ({ name: "new", ...group })),
  groups,
  ipGroups,
  ipGroups.map((addresses) => ({ name: "new", addresses })),
  configs,
  fc.array(fc.record({ address: fc.constantFrom("10.0.0.1", "app", "::1"), port: fc.nat(70_000) }), { maxLength: 3 }),
  fc.record({ weight: fc.integer({ min: -1, max: 101 }), draining: fc.boolean() }, { requiredKeys: [] }),
  fc.constantFrom({ certificate: first.certPem, key: first.keyPem }, {
    certificate: second.certPem,
    key: second.keyPem,
  }, {
    certificate: second.certPem,
  }),
);

/** One request. */
export const request = fc.tuple(fc.constantFrom(...routes), names, servers, queries, bodies, fc.integer()).map(
  ([{ method, path }, name, server, query, body, seed]) => {
    const random = randomFrom(seed);
    const sent = random(2) === 0 ? body : damaged(body, random);
    const address = path.replace("{name}", name).replace("{server}", server) + query;
    return `${method} ${address}${/GET|DELETE/.test(method) ? "" : ` ${JSON.stringify(sent)}`}`;
  },
);
