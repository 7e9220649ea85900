/**
 * A file system of which a test decides what it holds, when it tells, and what cannot be watched.
 *
 * @module
 */

import type { WatchSystem } from "../../../src/control/file_watch.ts";
import type { Log } from "../../../src/log.ts";
import { FakeClock } from "../fake_clock.ts";

interface Watcher {
  readonly directories: readonly string[];
  readonly onEvent: () => void;
  readonly onEnd: (error: unknown) => void;
}

/** Directories, links and time in the hands of a test. */
export class FakeWatchSystem implements WatchSystem {
  readonly clock = new FakeClock();
  /** Directories that exist, with their identities. */
  readonly directories = new Map<string, string>();
  readonly links = new Map<string, string>();
  /** Directories that cannot be watched, and why. */
  readonly unwatchable = new Map<string, string>();
  /** What is being watched. */
  readonly watchers = new Set<Watcher>();
  readonly logged: string[] = [];

  readonly log: Log = (level, message) => void this.logged.push(`${level} ${message}`);
  readonly after = this.clock.after;

  watch(directories: readonly string[], onEvent: () => void, onEnd: (error: unknown) => void): Disposable {
    for (const directory of directories) {
      const reason = this.unwatchable.get(directory);
      if (reason !== undefined) throw new Error(reason);
    }
    const watcher = { directories, onEvent, onEnd };
    this.watchers.add(watcher);
    return { [Symbol.dispose]: () => void this.watchers.delete(watcher) };
  }

  identityOf(directory: string): string | undefined {
    return this.directories.get(directory);
  }

  readLink(path: string): string | undefined {
    return this.links.get(path);
  }

  /** The directories that are watched, in order. */
  get watched(): string[] {
    return [...this.watchers].flatMap((watcher) => watcher.directories).sort();
  }

  /** Something happens in a directory. */
  touch(directory: string): void {
    for (const watcher of this.watchers) {
      if (watcher.directories.includes(directory)) watcher.onEvent();
    }
  }

  /** Watching breaks off. */
  breakOff(reason: string): void {
    for (const watcher of [...this.watchers]) {
      this.watchers.delete(watcher);
      watcher.onEnd(new Error(reason));
    }
  }
}
