/** Inputs that failed once, in a folder for each target, one file each. @module */

import { projectPath } from "../support/program.ts";
import type { FuzzTarget } from "./target.ts";

/** An input of the corpus. */
export interface CorpusEntry {
  readonly name: string;
  readonly input: Uint8Array;
}

function folderOf({ name }: Pick<FuzzTarget, "name">): string {
  return projectPath(`tests/corpus/${name}`);
}

/** All of a target, in the order of their names. */
export function readCorpus(target: Pick<FuzzTarget, "name">): CorpusEntry[] {
  try {
    return [...Deno.readDirSync(folderOf(target))].map(({ name }) => name).sort()
      .map((name) => ({ name, input: Deno.readFileSync(`${folderOf(target)}/${name}`) }));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** Where an input goes, by its content. */
export async function corpusFile(target: Pick<FuzzTarget, "name">, input: Uint8Array): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", Uint8Array.from(input)));
  return `${folderOf(target)}/${hash.toHex().slice(0, 12)}.input`;
}

/** Adds an input. @returns its file */
export async function addToCorpus(target: Pick<FuzzTarget, "name">, input: Uint8Array): Promise<string> {
  const file = await corpusFile(target, input);
  await Deno.mkdir(folderOf(target), { recursive: true });
  await Deno.writeFile(file, input);
  return file;
}
