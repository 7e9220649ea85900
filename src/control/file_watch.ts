/**
 * Says when something may have happened to some files: watches the directories that matter, brings many events
 * together into one, and looks every ten seconds where watching does not work.
 *
 * @module
 */

import { messageOf } from "../errors.ts";
import type { Log } from "../log.ts";
import { linkDirectories } from "./link_directories.ts";

/** What the watch needs of the system. */
export interface WatchSystem {
  /**
   * Watches directories, not what is below them.
   *
   * @param onEvent called for every event, @param onEnd called when the watching has broken off by itself
   * @throws when one of them cannot be watched
   */
  watch(directories: readonly string[], onEvent: () => void, onEnd: (error: unknown) => void): Disposable;
  /** What tells a directory from another one of the same path; `undefined` when there is none. */
  identityOf(directory: string): string | undefined;
  /** Where a symbolic link leads; `undefined` for what is none. */
  readLink(path: string): string | undefined;
  /** Calls once, after `seconds`. @returns what takes it back */
  after(seconds: number, call: () => void): () => void;
}

/** Seconds without an event after which the events before it are told. */
const QUIET_SECONDS = 0.3;

/** Seconds after which events are told although there is no end to them. */
const PATIENCE_SECONDS = 0.9;

/** Seconds between looks where watching does not work. */
export const POLL_SECONDS = 10;

/** Watches files. */
export class FileWatch {
  readonly #system: WatchSystem;
  readonly #log: Log;
  readonly #onChange: () => void;
  #files: readonly string[] = [];
  /** The directories that are watched, with their identities. */
  #watched = "";
  #watcher: Disposable | undefined;
  #warned = false;
  #stopPolling: (() => void) | undefined;
  #stopWaiting: (() => void) | undefined;
  #stopPatience: (() => void) | undefined;

  /** @param onChange called some tenths of a second after something may have changed */
  constructor(system: WatchSystem, log: Log, onChange: () => void) {
    this.#system = system;
    this.#log = log;
    this.#onChange = onChange;
  }

  /** Watches these files, given as absolute paths, and no others any more. */
  follow(files: readonly string[]): void {
    this.#files = files;
    this.#refresh();
  }

  /** Watches nothing any more. */
  close(): void {
    this.follow([]);
    this.#cancelTimers();
  }

  /** Watches the directories that matter now: links may lead elsewhere, directories may be new ones. */
  #refresh(): void {
    const directories = new Set(this.#files.flatMap((file) => [
      ...linkDirectories(file, (path) => this.#system.readLink(path)),
    ]));
    const faults: string[] = [];
    const there = [...directories].flatMap((directory) => {
      const identity = this.#system.identityOf(directory);
      if (identity === undefined) faults.push(`"${directory}" is not there`);
      return identity === undefined ? [] : [{ directory, identity }];
    });
    const wanted = there.map(({ directory, identity }) => `${directory} ${identity}`).sort().join("\n");
    if (wanted !== this.#watched) {
      // The new one first, so that nothing goes unseen in between.
      const old = this.#watcher;
      const opened = this.#open(there.map((one) => one.directory), faults);
      this.#watcher = opened;
      old?.[Symbol.dispose]();
      // With a fault it is tried again at the next look.
      this.#watched = faults.length === 0 ? wanted : "";
    }
    this.#pollIf(faults);
  }

  #open(directories: readonly string[], faults: string[]): Disposable | undefined {
    const watch = (list: readonly string[]) => this.#watch(list);
    if (directories.length === 0) return undefined;
    try {
      return watch(directories);
    } catch {
      const watchable = directories.filter((directory) => {
        try {
          watch([directory])[Symbol.dispose]();
          return true;
        } catch (error) {
          faults.push(`"${directory}" cannot be watched (${messageOf(error)})`);
          return false;
        }
      });
      try {
        return watchable.length === 0 ? undefined : watch(watchable);
      } catch (error) {
        faults.push(messageOf(error));
        return undefined;
      }
    }
  }

  #watch(directories: readonly string[]): Disposable {
    const watcher: Disposable = this.#system.watch(
      directories,
      () => {
        if (watcher === this.#watcher) this.#event();
      },
      (error) => {
        if (watcher !== this.#watcher) return;
        this.#watcher = undefined;
        this.#watched = "";
        this.#pollIf([messageOf(error)]);
      },
    );
    return watcher;
  }

  #event(): void {
    this.#stopWaiting?.();
    this.#stopWaiting = this.#system.after(QUIET_SECONDS, () => this.#tell());
    this.#stopPatience ??= this.#system.after(PATIENCE_SECONDS, () => this.#tell());
  }

  #tell(): void {
    this.#cancelEvents();
    this.#refresh();
    this.#onChange();
  }

  #pollIf(faults: readonly string[]): void {
    if (faults.length === 0) {
      this.#warned = false;
      this.#stopPolling?.();
      this.#stopPolling = undefined;
      return;
    }
    if (!this.#warned) {
      this.#log(
        "warn",
        `Changed certificate files are looked for every ${POLL_SECONDS} s only, because ${faults.join(", ")}`,
      );
      this.#warned = true;
    }
    this.#stopPolling ??= this.#system.after(POLL_SECONDS, () => {
      this.#stopPolling = undefined;
      this.#tell();
    });
  }

  #cancelEvents(): void {
    this.#stopWaiting?.();
    this.#stopPatience?.();
    this.#stopWaiting = this.#stopPatience = undefined;
  }

  #cancelTimers(): void {
    this.#cancelEvents();
    this.#stopPolling?.();
    this.#stopPolling = undefined;
  }
}
