/**
 * Renews certificates when their files change. What counts is what the files hold: events only make it look. A pair
 * that does not fit may be one that is being written, so it is tried again a few times before anybody is told.
 *
 * @module
 */

import { contentHash, UNREADABLE } from "../config/read_file.ts";
import type { Log } from "../log.ts";
import { FileWatch, type WatchSystem } from "./file_watch.ts";
import type { RenewalResult } from "./change_reports.ts";
import { titleOf } from "./renewed.ts";

/** What the watch works with. */
export interface CertificateWatchContext {
  readonly system: WatchSystem;
  readonly log: Log;
  /** Reads a file by its absolute path. */
  read(path: string): Promise<string>;
  /** Reads the changed files again and makes them serve. */
  renew(): Promise<RenewalResult>;
}

/** Seconds before each further try of files that do not fit. */
const PAUSES_SECONDS = [1, 2, 4] as const;

/** Watches the certificate files of the model that serves. */
export class CertificateWatch {
  readonly #context: CertificateWatchContext;
  readonly #files: FileWatch;
  /** What the files held that serve, by absolute path. */
  #serving: ReadonlyMap<string, string> = new Map();
  /** The change that is being tried, and how often it was. */
  #trying = "";
  #tries = 0;
  #stopWaiting: (() => void) | undefined;
  /** What has been said since everything was in order. */
  readonly #told = new Set<string>();
  #looking: Promise<void> = Promise.resolve();
  #lookAgain = false;
  #closed = false;

  /** @param context what the watch works with */
  constructor(context: CertificateWatchContext) {
    this.#context = context;
    this.#files = new FileWatch(context.system, context.log, () => this.#request());
  }

  /**
   * Watches the files of a model that serves from now on; looks at once, because they may have changed already.
   *
   * @param files hashes of what was read from them, by absolute path; none watches nothing
   */
  follow(files: ReadonlyMap<string, string>): void {
    if (this.#closed) return;
    this.#serving = files;
    this.#files.follow([...files.keys()]);
    this.#request();
  }

  /** Stops watching, and waits for a renewal that is under way. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#stopWaiting?.();
    this.#files.close();
    await this.#looking;
  }

  /** Looks, or once more if it is looking. */
  #request(): void {
    if (this.#lookAgain || this.#closed) return;
    this.#lookAgain = true;
    this.#looking = this.#looking.then(() => {
      this.#lookAgain = false;
      return this.#look();
    });
  }

  async #look(): Promise<void> {
    const change = await this.#change();
    if (this.#closed) return;
    if (change === "") {
      // The old files are back: what was refused is of no interest any more.
      if (this.#trying !== "" && this.#serving.size > 0) await this.#context.renew();
      return this.#inOrder();
    }
    // Tried already: given up, or its next try comes by itself.
    if (change === this.#trying && (this.#stopWaiting !== undefined || this.#tries > PAUSES_SECONDS.length)) return;
    const result = await this.#context.renew();
    const left = await this.#change();
    if (this.#closed) return;
    if (left === "") return this.#inOrder();
    this.#tryAgain(left, result);
  }

  #inOrder(): void {
    this.#stopWaiting?.();
    this.#stopWaiting = undefined;
    this.#trying = "";
    this.#told.clear();
  }

  #tryAgain(change: string, result: RenewalResult): void {
    this.#stopWaiting?.();
    this.#stopWaiting = undefined;
    if (change !== this.#trying) {
      this.#trying = change;
      this.#tries = 0;
    }
    const pause = PAUSES_SECONDS[this.#tries++];
    if (pause === undefined) return this.#giveUp(result);
    this.#stopWaiting = this.#context.system.after(pause, () => {
      this.#stopWaiting = undefined;
      this.#request();
    });
  }

  #giveUp({ refused, error }: RenewalResult): void {
    const lines = refused.map((one) => `${titleOf(one)} was not renewed: ${one.reason}; the old one serves on`);
    if (error !== null) lines.push(`The certificates were not renewed: ${error}; the old ones serve on`);
    for (const line of lines) {
      if (!this.#told.has(line)) this.#context.log("error", line, { event: "certificate_refused" });
      this.#told.add(line);
    }
  }

  /** The files that hold something else than what serves, and what; empty when none does. */
  async #change(): Promise<string> {
    const lines: string[] = [];
    for (const [path, served] of this.#serving) {
      const hash = await this.#context.read(path).then(contentHash, () => UNREADABLE);
      if (hash !== served) lines.push(`${path} ${hash}`);
    }
    return lines.join("\n");
  }
}
