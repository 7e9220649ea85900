/**
 * The named entries that listeners and groups refer to: certificates, CAs, IP groups. What is the same has one name.
 *
 * @module
 */

import type { AddressSet } from "./access.ts";
import { Names, stem } from "./values.ts";

/** Entries of one kind, in the order in which they were asked for. */
class Entries<Entry> {
  readonly #names = new Names();
  readonly #byKey = new Map<string, { readonly name: string; readonly entry: Entry }>();

  /** The name of an entry. */
  nameOf(wanted: string, entry: Entry): string {
    const key = JSON.stringify(entry);
    const known = this.#byKey.get(key);
    if (known !== undefined) return known.name;
    const name = this.#names.give(wanted);
    this.#byKey.set(key, { name, entry });
    return name;
  }

  /** What stands in the file. */
  toRecord(): Readonly<Record<string, Entry>> {
    return Object.fromEntries([...this.#byKey.values()].map(({ name, entry }) => [name, entry]));
  }
}

/** All of them. */
export class Store {
  readonly #certificates = new Entries<{ readonly certFile: string; readonly keyFile: string }>();
  readonly #clientCAs = new Entries<{ readonly certFile: string }>();
  readonly #ipGroups = new Entries<AddressSet["groups"][number]>();

  /** A certificate with its key in one file. */
  certificate(path: string): string {
    return this.#certificates.nameOf(stem(path), { certFile: path, keyFile: path });
  }

  /** CAs in a file. */
  clientCA(path: string): string {
    return this.#clientCAs.nameOf(stem(path), { certFile: path });
  }

  /** The groups of some sets, each once. */
  ipGroups(sets: readonly AddressSet[]): readonly string[] {
    const names = sets.flatMap(({ name, groups }) => groups.map((group) => this.#ipGroups.nameOf(name, group)));
    return [...new Set(names)];
  }

  /** The sections of the file. */
  sections() {
    return {
      ipGroups: this.#ipGroups.toRecord(),
      certificates: this.#certificates.toRecord(),
      clientCAs: this.#clientCAs.toRecord(),
    };
  }
}
