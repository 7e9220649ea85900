/** Valid configurations of every kind of entry, for property tests. @module */

import fc from "fast-check";
import { Document } from "yaml";

/** A configuration as plain data, as a file would say it. */
export type PlainConfig = Readonly<Record<string, unknown>>;

const NAMES = ["a", "b-1", "c.d", "E_5", "0x"] as const;

const someNames = (min = 0) => fc.subarray([...NAMES], { minLength: min });

/** A mapping with some of the keys. */
const some = (keys: Readonly<Record<string, fc.Arbitrary<unknown>>>) => fc.record(keys, { requiredKeys: [] });

const text = fc.oneof(
  fc.constantFrom("", "front door", "# none", "yes", "5", "a: b", "- x", "{ }", "'q' \"d\"", "ä€😀", "${HOME:-x}"),
  fc.string({ maxLength: 20, unit: "grapheme-ascii" }).map((value) => value.replaceAll("$", "")),
);

const healthCheck = some({
  enabled: fc.boolean(),
  timeout: fc.integer({ min: 2, max: 60 }),
  interval: fc.integer({ min: 60, max: 300 }),
  unhealthyThreshold: fc.integer({ min: 2, max: 10 }),
  port: fc.integer({ min: 1, max: 65535 }),
  passive: fc.boolean(),
});

const server = (index: number) =>
  fc.record({
    address: fc.constantFrom(`10.0.0.${index + 1}`, `host-${index}.internal`),
    port: fc.constantFrom(80, 443, 65535),
    weight: fc.integer({ min: 0, max: 100 }),
    backup: fc.boolean(),
  }, { requiredKeys: ["address", "port"] });

/** Servers that clash with no others. */
const servers = fc.integer({ min: 0, max: 4 }).chain((count) =>
  fc.tuple(...Array.from({ length: count }, (_, index) => server(index)))
);

/** A backend group. */
export const groups: fc.Arbitrary<PlainConfig> = fc.record({
  algorithm: fc.constantFrom("wrr", "wlc", "source-hash"),
  servers,
  healthCheck,
  whenAllUnhealthy: fc.constantFrom("forward", "reject"),
  slowStart: fc.integer({ min: 0, max: 300 }),
}, { requiredKeys: ["servers"] });

const blocks = fc.constantFrom("192.0.2.0/24", "198.51.100.7", "2001:db8::/32", "::1");

/** An IP group; the file is `list.txt`. */
export const ipGroups: fc.Arbitrary<unknown> = fc.oneof(
  fc.array(blocks, { maxLength: 4 }),
  fc.constant({ file: "list.txt" }),
);

/** A listener of one of the five names, each with a port of its own. */
export const listeners = (
  name: typeof NAMES[number],
  groupNames: readonly string[],
  ipGroupNames: readonly string[],
): fc.Arbitrary<PlainConfig> => {
  const backend = groupNames.length === 0 ? groups.map((backends) => ({ backends })) : fc.oneof(
    groups.map((backends) => ({ backends })),
    fc.constantFrom(...groupNames).map((backendGroup) => ({ backendGroup })),
  );
  const lists = fc.subarray([...ipGroupNames], { minLength: Math.min(1, ipGroupNames.length) });
  const rest = some({
    ipTranslation: fc.boolean(),
    idleTimeout: fc.integer({ min: 10, max: 4000 }),
    proxyProtocol: fc.constantFrom("off", "v1", "v2"),
    maxConnections: fc.oneof(fc.constant("unlimited"), fc.integer({ min: 1, max: 1_000_000 })),
    workers: fc.constantFrom("auto", 1, 2),
    tags: fc.dictionary(fc.constantFrom("env", "a b", "true", "1"), text),
    description: text,
    ...(ipGroupNames.length === 0 ? {} : {
      accessControl: fc.record({ mode: fc.constantFrom("whitelist", "blacklist"), groups: lists }),
      acceptProxyProtocol: fc.record({ from: lists }),
    }),
  });
  const port = 9000 + NAMES.indexOf(name);
  return fc.tuple(backend, rest).map(([one, other]) => ({ name, protocol: "TCP", port, ...one, ...other }));
};

const general = some({
  log: some({ level: fc.constantFrom("debug", "info"), format: fc.constantFrom("auto", "text", "json") }),
  admin: some({ token: fc.constantFrom("secret", "${NONE:-secret}"), persist: fc.boolean() }),
  shutdown: some({ drainTimeout: fc.integer({ min: 0, max: 3600 }) }),
  dns: fc.record({ servers: fc.array(fc.constantFrom("10.0.0.53", "[::1]:5353"), { maxLength: 2 }) }),
  maxWorkers: fc.integer({ min: 2, max: 256 }),
  watchCertificates: fc.boolean(),
});

const mapping = <Value>(names: readonly string[], value: fc.Arbitrary<Value>) =>
  fc.tuple(...names.map(() => value)).map((values) => Object.fromEntries(names.map((name, at) => [name, values[at]])));

/** Whole configurations, their keys in any order. */
export const configs: fc.Arbitrary<PlainConfig> = fc.tuple(someNames(), someNames(), someNames()).chain((
  [lists, groupNames, listenerNames],
) =>
  fc.record({
    general,
    ipGroups: mapping(lists, ipGroups),
    backendGroups: mapping(groupNames, groups),
    listeners: fc.tuple(...listenerNames.map((name) => listeners(name, groupNames, lists))),
  })
).chain(({ general: rest, ...sections }) => {
  const entries = Object.entries({ ...rest, ...sections });
  return fc.shuffledSubarray(entries, { minLength: entries.length }).map(Object.fromEntries<unknown>);
});

/** A configuration as somebody would write it: JSON, or YAML in blocks or not, with comments where they may be. */
export const written = (
  config: PlainConfig,
): fc.Arbitrary<{ readonly text: string; readonly format: "yaml" | "json" }> =>
  fc.oneof(
    fc.constantFrom(2, 4, undefined).map((indent) => ({
      text: `${JSON.stringify(config, null, indent)}\n`,
      format: "json" as const,
    })),
    fc.record({ flowDepth: fc.integer({ min: 1, max: 6 }), comments: fc.infiniteStream(fc.nat({ max: 5 })) }).map(
      ({ flowDepth, comments }) => ({ text: commented(yaml(config, flowDepth), comments), format: "yaml" as const }),
    ),
  );

function yaml(config: PlainConfig, flowDepth: number): string {
  const document = new Document(config, { aliasDuplicateObjects: false });
  const walk = (path: (string | number)[], value: unknown) => {
    if (value === null || typeof value !== "object") return;
    if (path.length === flowDepth) {
      const node = document.getIn(path, true);
      if (node !== null && typeof node === "object") Object.assign(node, { flow: true });
      return;
    }
    for (const [key, item] of Object.entries(value)) walk([...path, Array.isArray(value) ? Number(key) : key], item);
  };
  walk([], config);
  return document.toString({ lineWidth: 0 });
}

/** Comments above lines, with their indentation, and behind them. Generated values span no lines. */
function commented(text: string, choices: Iterator<number>): string {
  return text.split("\n").map((line, index) => {
    const choice: number = choices.next().value ?? 0;
    if (line.trim() === "" || choice < 3) return line;
    if (choice === 3) return `${line} # behind ${index}`;
    return `${/^ */.exec(line)?.[0]}# above ${index}\n${line}`;
  }).join("\n");
}
