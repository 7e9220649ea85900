/**
 * A translation as YAML, with what could not be carried over as comments where it belongs. Pure.
 *
 * @module
 */

import { Document, isCollection, isMap, isScalar, type Node, type YAMLMap, type YAMLSeq } from "yaml";
import type { Remark } from "./remarks.ts";
import type { Section } from "./sections.ts";
import type { Origin, Translation } from "./translate.ts";

/** The configuration as plain data. */
export function toConfig({ general, backendGroups, listeners }: Translation): Readonly<Record<string, unknown>> {
  const filled = Object.entries(general).filter(([, value]) => Object.keys(Object(value)).length > 0);
  return {
    ...Object.fromEntries(filled),
    backendGroups: Object.fromEntries(backendGroups.map(({ value }) => value)),
    listeners: listeners.map(({ value }) => value),
  };
}

/** YAML. @param file what it was translated from */
export function toYaml(file: string, translation: Translation): string {
  const { backendGroups, listeners, remarks } = translation;
  const document = new Document(toConfig(translation));
  const said = new Set<Remark>();
  const about = ({ line, lastLine }: Section) =>
    remarks.filter((remark) => {
      if (remark.line < line || remark.line > lastLine || said.has(remark)) return false;
      said.add(remark);
      return true;
    });
  const groups = document.get("backendGroups") as YAMLMap<Node, Node>;
  const list = document.get("listeners") as YAMLSeq<Node>;
  const comment = <Value>(origins: readonly Origin<Value>[], nodeOf: (index: number) => Node | undefined) => {
    for (const [index, { section }] of origins.entries()) {
      const node = nodeOf(index);
      const lines = about(section).map(lineOf);
      if (node !== undefined && lines.length > 0) node.commentBefore = lines.join("\n");
    }
  };
  comment(listeners, (index) => list.items[index]);
  comment(backendGroups, (index) => groups.items[index]?.key);
  for (const group of groups.items) {
    if (isMap(group.value)) { for (const { value } of group.value.items) flow(value, true); }
  }
  for (const listener of list.items) {
    if (isMap(listener)) { for (const { value } of listener.items) flow(value, false); }
  }
  for (const name of ["admin", "log", "shutdown", "ipGroups", "certificates", "clientCAs"]) {
    const section = document.get(name);
    if (isMap(section)) { for (const { value } of section.items) flow(value, false); }
  }
  for (const { key } of isMap(document.contents) ? document.contents.items.slice(1) : []) {
    if (isScalar(key)) key.spaceBefore = true;
  }
  const rest = remarks.filter((remark) => !said.has(remark)).map(lineOf);
  const head = [` Translated from ${file}. Look it over, then: weir check`, ...rest];
  const body = document.toString({ lineWidth: 0, flowCollectionPadding: true });
  return `${head.map((line) => `#${line}`).join("\n")}\n\n${body}`;
}

function lineOf({ line, message }: Remark): string {
  return ` line ${line}: ${message}`.replaceAll(/[\r\n]/g, " ");
}

/** Writes a value in one line, or each item of a list of mappings in one. */
function flow(value: unknown, isList: boolean): void {
  if (!isCollection(value)) return;
  if (isList && !isMap(value) && value.items.length > 0) { for (const item of value.items) flow(item, false); }
  else value.flow = true;
}
