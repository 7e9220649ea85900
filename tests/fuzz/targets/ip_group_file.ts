/** Files of IP groups, and everything in them and elsewhere that stands for addresses and ports. @module */

import assert from "node:assert/strict";
import fc from "fast-check";
import { Findings } from "../../../src/config/findings.ts";
import { loadIpGroups } from "../../../src/config/ip_groups.ts";
import { compileRanges, rangesInclude } from "../../../src/net/address_set.ts";
import {
  canonicalAddress,
  canonicalHost,
  familyOf,
  formatEndpoint,
  parseCidr,
  parseEndpoint,
  plainPeerAddress,
} from "../../../src/net/ip.ts";
import { countPorts, formatPorts, listPorts, parsePortList } from "../../../src/net/ports.ts";
import { type FuzzTarget, inputOf, shapeOf, textOf } from "../target.ts";

/** Wrong lines that are named, one by one. */
const NAMED = 5;

function checkFile(input: Uint8Array): string {
  const content = textOf(input);
  const findings = new Findings();
  const blocks = loadIpGroups({ office: { file: "list.txt" } }, () => content, findings).get("office") ?? [];
  const lines = content.split("\n");
  const meant = lines.map((line) => line.replace(/#.*/, "").trim()).filter((line) => line !== "");
  const wrong = meant.filter((line) => parseCidr(line) === undefined);
  assert.equal(blocks.length + wrong.length, meant.length, "a line is neither taken nor wrong");
  assert.equal(findings.errors.length, Math.min(wrong.length, NAMED) + (wrong.length > NAMED ? 1 : 0));
  for (const { message } of findings.errors.slice(0, NAMED)) {
    const [, line] = /got [^]* in line (\d+) of "list\.txt"$/.exec(message) ?? [];
    assert.ok(Number(line) >= 1 && Number(line) <= lines.length, message);
    assert.ok(message.length < 400, "a wrong line is shown at full length");
  }
  const ranges = compileRanges(blocks);
  for (const block of blocks.slice(0, 50)) {
    const [address = ""] = block.split("/");
    assert.ok(isWithinMapped(block) || rangesInclude(ranges, address), `${block} does not hold its own address`);
  }
  // Read again, what was taken is what it was.
  const again = loadIpGroups({ office: { file: "list.txt" } }, () => blocks.join("\r\n"), new Findings()).get("office");
  assert.deepEqual(again, blocks);
  return `${Math.min(blocks.length, 20)} ${Math.min(wrong.length, 7)} ${ranges.ipv4.length > 0} ${
    ranges.ipv6.length > 0
  }`;
}

/** `::ffff:10.0.0.1` is an IPv4 client, and no block that is larger than all of IPv4 is meant for those. */
function isWithinMapped(block: string): boolean {
  const [address = ""] = block.split("/");
  return !plainPeerAddress(canonicalAddress(address)).includes(":") && (parseCidr(block)?.prefix ?? 128) < 96;
}

function checkAddress(input: Uint8Array): string {
  const text = textOf(input);
  const family = familyOf(text);
  const canonical = canonicalAddress(text);
  assert.equal(canonicalAddress(canonical), canonical, "the one form has another one");
  assert.equal(familyOf(canonical), family);
  assert.equal(canonicalHost(canonicalHost(text)), canonicalHost(text));
  assert.equal(plainPeerAddress(plainPeerAddress(text)), plainPeerAddress(text));
  const endpoint = parseEndpoint(text);
  if (endpoint !== undefined) {
    assert.deepEqual(parseEndpoint(formatEndpoint(endpoint.address, endpoint.port)), endpoint);
  }
  const block = parseCidr(text);
  if (block !== undefined) {
    assert.ok(block.prefix >= 0 && block.prefix <= (block.family === "IPv4" ? 32 : 128));
    assert.ok(isWithinMapped(text) || rangesInclude(compileRanges([text]), text.split("/")[0] ?? ""));
  }
  const ports = parsePortList(text);
  if (ports.ok) {
    const { ranges } = ports;
    assert.deepEqual(parsePortList(formatPorts(ranges)), ports);
    const all = listPorts(ranges);
    assert.equal(all.length, countPorts(ranges));
    assert.equal(new Set(all).size, all.length);
    assert.ok(all.every((port) => port >= 1 && port <= 65_535));
  }
  return `${family} ${endpoint !== undefined} ${block?.prefix} ${
    ports.ok ? ports.ranges.length : shapeOf(ports.reason)
  }`;
}

const address = fc.oneof(
  fc.ipV4(),
  fc.ipV4Extended(),
  fc.ipV6(),
  fc.constantFrom("::", "::1", "::ffff:1.2.3.4", "1.2.3"),
);
const line = fc.tuple(address, fc.constantFrom("", "/0", "/8", "/32", "/33", "/128", "/129", "/08", " # all", "\r"));

const WORDS = [
  ...["/", "#", "\n", "\r\n", "::", ":", ".", "ffff:", "/128", "/0", "[::1]:80", "255", "256", "1-65535", ",", "-"],
  ...["10.0.0.0/8", "2001:db8::/32", "app.internal", "%eth0", "\t", "\u00a0", "\0"],
];

/** The files, and single addresses, endpoints and port lists. */
export const addressTargets: readonly FuzzTarget[] = [
  {
    name: "ip-group-file",
    holds:
      "every line is taken, or named as wrong with its number; what was taken holds its own addresses and is taken again",
    isText: true,
    seeds: () =>
      ["192.0.2.0/24\n# nobody\n\n2001:db8::/32 # ours\n10.0.0.1\n", "1.2.3\nx\n", "\ufeff10.0.0.1\r\n"].map(inputOf),
    words: WORDS,
    generated: fc.array(line.map((parts) => parts.join("")), { maxLength: 40 }).map((lines) =>
      inputOf(lines.join("\n"))
    ),
    longest: 200_000,
    check: checkFile,
  },
  {
    name: "address",
    holds: "addresses, endpoints, blocks and port lists have one form, and what is read and written is read as it was",
    isText: true,
    seeds: () =>
      ["10.0.0.1", "::ffff:10.0.0.1", "[2001:db8::1]:443", "app:80", "10.0.0.0/8", "80,8000-8010", "2001:DB8::0:1/64"]
        .map(inputOf),
    words: WORDS,
    generated: fc.oneof(
      address,
      line.map((parts) => parts.join("")),
      fc.array(fc.tuple(fc.nat(70_000), fc.nat(70_000)).map((pair) => pair.join("-")), { maxLength: 5 }).map(String),
    ).map(inputOf),
    longest: 20_000,
    check: checkAddress,
  },
];
