/**
 * The console's files for the browser. They are files of their own, so that they can be formatted and checked as what
 * they are; the executable has them inside.
 *
 * @module
 */

import { createHash } from "node:crypto";

const TYPES = {
  "console.css": "text/css; charset=utf-8",
  "console.js": "text/javascript; charset=utf-8",
  "icon.svg": "image/svg+xml",
} as const;

/** A file for the browser. */
export type AssetName = keyof typeof TYPES;

/** A file as it is sent. */
export interface Asset {
  readonly text: string;
  readonly type: string;
}

const NAMES = Object.keys(TYPES) as AssetName[];

const ASSETS: ReadonlyMap<AssetName, Asset> = new Map(
  NAMES.map((name) => [
    name,
    { text: Deno.readTextFileSync(new URL(`./assets/${name}`, import.meta.url)), type: TYPES[name] },
  ]),
);

/** Another version has other addresses, so that a browser may keep files for ever. */
const VERSION = createHash("sha256").update([...ASSETS.values()].map(({ text }) => text).join()).digest("hex").slice(
  0,
  12,
);

/** Where a browser finds a file. */
export function assetPath(name: AssetName): string {
  return `/assets/${VERSION}/${name}`;
}

/** The file at an address; `undefined` when there is none. */
export function assetAt(path: string): Asset | undefined {
  const name = NAMES.find((one) => assetPath(one) === path);
  return name === undefined ? undefined : ASSETS.get(name);
}
