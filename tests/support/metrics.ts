/**
 * Small and strict parsers of the Prometheus text format 0.0.4 and of OpenMetrics 1.0.
 *
 * @module
 */

import assert from "node:assert/strict";

/** One line with a number. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A metric. */
export interface Family {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly unit?: string;
  readonly samples: Sample[];
}

const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (-?\d+(?:\.\d+)?(?:e[+-]?\d+)?|[+-]Inf|NaN)$/;

/** The suffixes of samples' names by type of family, in OpenMetrics. */
const SUFFIXES: Readonly<Record<string, readonly string[]>> = {
  counter: ["_total"],
  gauge: [""],
  info: ["_info"],
  histogram: ["_bucket", "_sum", "_count"],
};

/** Fails on anything that the text format 0.0.4 does not allow. */
export function parseText(text: string): Map<string, Family> {
  assert.ok(text.endsWith("\n"), "ends with a line feed");
  const families = new Map<string, Family>();
  let current: Family | undefined;
  let help: { readonly name: string; readonly text: string } | undefined;
  for (const line of text.slice(0, -1).split("\n")) {
    const type = /^# TYPE (\S+) (counter|gauge|histogram)$/.exec(line);
    if (line.startsWith("# HELP")) {
      help = helpOf(/^# HELP (\S+) (\S.*)$/.exec(line));
    } else if (type !== null) {
      const name = type[1] ?? "";
      assert.ok(name === help?.name, "HELP comes right before TYPE");
      assert.equal(families.has(name), false, `${name} comes twice`);
      current = { name, type: type[2] ?? "", help: help?.text ?? "", samples: [] };
      families.set(name, current);
    } else {
      const suffixes = current?.type === "histogram" ? ["_bucket", "_sum", "_count"] : [""];
      current?.samples.push(sampleOf(line, current, suffixes));
    }
  }
  return families;
}

/** Fails on anything that OpenMetrics 1.0 does not allow (and on some that it does, but Weir does not need). */
export function parseOpenMetrics(text: string): Map<string, Family> {
  assert.ok(text.endsWith("\n# EOF\n"), "ends with # EOF");
  const families = new Map<string, Family>();
  const names = new Set<string>();
  let current: Family | undefined;
  let help: { readonly name: string; readonly text: string } | undefined;
  for (const line of text.slice(0, -"# EOF\n".length - 1).split("\n")) {
    const type = /^# TYPE (\S+) (counter|gauge|histogram|info)$/.exec(line);
    const unit = /^# UNIT (\S+) (\S+)$/.exec(line);
    if (line.startsWith("# HELP")) {
      help = helpOf(/^# HELP (\S+) ([^\\"]+)$/.exec(line));
    } else if (type !== null) {
      const name = type[1] ?? "";
      assert.ok(name === help?.name, "HELP comes right before TYPE");
      for (const suffix of ["_total", "_info", "_bucket", "_sum", "_count", "_created"]) {
        assert.equal(name.endsWith(suffix), false, `${name} ends like a sample`);
      }
      current = { name, type: type[2] ?? "", help: help?.text ?? "", samples: [] };
      families.set(name, current);
      for (const suffix of SUFFIXES[current.type] ?? []) {
        assert.equal(names.has(name + suffix), false, `${name}${suffix} clashes`);
        names.add(name + suffix);
      }
    } else if (unit !== null) {
      assert.ok(current !== undefined && current.samples.length === 0, "UNIT comes before the samples");
      assert.equal(unit[1], current.name);
      assert.ok(current.name.endsWith(`_${unit[2]}`), `${current.name} ends with its unit`);
      current = { ...current, unit: unit[2] ?? "" };
      families.set(current.name, current);
    } else {
      const sample = sampleOf(line, current, SUFFIXES[current?.type ?? ""] ?? []);
      const { le } = sample.labels;
      if (le !== undefined) assert.match(le, /^(\d+\.\d+(e[+-]\d+)?|\+Inf)$/, "a bound has a point");
      current?.samples.push(sample);
    }
  }
  return families;
}

function helpOf(match: RegExpExecArray | null) {
  assert.ok(match !== null, "HELP has a name and a text");
  return { name: match[1] ?? "", text: match[2] ?? "" };
}

function sampleOf(line: string, family: Family | undefined, suffixes: readonly string[]): Sample {
  const sample = SAMPLE.exec(line);
  assert.ok(sample !== null && family !== undefined, `not a sample: ${line}`);
  assert.ok(suffixes.some((suffix) => sample[1] === family.name + suffix), `${line} is not of ${family.name}`);
  return { name: sample[1] ?? "", labels: labelsOf(sample[2] ?? ""), value: Number(sample[3]) };
}

function labelsOf(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  let rest = text;
  while (rest !== "") {
    const match = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/.exec(rest);
    assert.ok(match !== null, `not labels: ${rest}`);
    const name = match[1] ?? "";
    assert.equal(name in labels, false, `label ${name} comes twice`);
    labels[name] = (match[2] ?? "").replace(/\\(.)/g, (_, escaped: string) => escaped === "n" ? "\n" : escaped);
    rest = rest.slice(match[0].length);
  }
  return labels;
}

/** The value of the first sample that has these labels. */
export function valueOf(
  families: ReadonlyMap<string, Family>,
  name: string,
  labels: Record<string, string>,
): number | undefined {
  return families.get(name)?.samples.find((sample) =>
    Object.entries(labels).every(([key, value]) => sample.labels[key] === value)
  )?.value;
}
