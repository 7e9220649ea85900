/**
 * In which directories something can happen that makes a path lead to another file.
 *
 * @module
 */

import { dirname, isAbsolute, join, parse, sep } from "node:path";

/** Symbolic links that are followed, as many as Linux follows. */
const MAX_LINKS = 40;

/**
 * The directory of the file at the end, and of every symbolic link on the way: Kubernetes swaps a link beside the
 * files (`..data`), certbot replaces the links themselves, others swap a link to a whole directory.
 *
 * @param path an absolute path
 * @param readLink where a symbolic link leads; `undefined` for what is none
 */
export function linkDirectories(path: string, readLink: (path: string) => string | undefined): Set<string> {
  const directories = new Set<string>();
  const { root } = parse(path);
  let at = root;
  let links = 0;
  const steps = path.slice(root.length).split(sep);
  for (let step = steps.shift(); step !== undefined; step = steps.shift()) {
    if (step === "" || step === ".") continue;
    const next = step === ".." ? dirname(at) : join(at, step);
    const target = step === ".." || links >= MAX_LINKS ? undefined : readLink(next);
    if (target === undefined) {
      at = next;
      continue;
    }
    links++;
    directories.add(at);
    const targetRoot = isAbsolute(target) ? parse(target).root : "";
    if (targetRoot !== "") at = targetRoot;
    steps.unshift(...target.slice(targetRoot.length).split(sep));
  }
  return directories.add(dirname(at));
}
