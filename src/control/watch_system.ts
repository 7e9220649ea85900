/**
 * Watching directories with what the operating system offers.
 *
 * @module
 */

import type { WatchSystem } from "./file_watch.ts";

/** The real thing. */
export const watchSystem: WatchSystem = {
  watch(directories, onEvent, onEnd) {
    const watcher = Deno.watchFs([...directories], { recursive: false });
    let closed = false;
    const reading = async () => {
      try {
        for await (const { kind } of watcher) {
          // Reading is no change, and the watch itself reads.
          if (kind !== "access") onEvent();
        }
        if (!closed) onEnd(new Error("watching ended"));
      } catch (error) {
        if (!closed) onEnd(error);
      }
    };
    void reading();
    return {
      [Symbol.dispose]() {
        closed = true;
        try {
          watcher.close();
        } catch { /* it has ended by itself */ }
      },
    };
  },
  identityOf(directory) {
    try {
      const { isDirectory, dev, ino } = Deno.statSync(directory);
      return isDirectory ? `${dev}:${ino}` : undefined;
    } catch {
      return undefined;
    }
  },
  readLink(path) {
    try {
      return Deno.lstatSync(path).isSymlink ? Deno.readLinkSync(path) : undefined;
    } catch {
      return undefined; // nothing there, or nothing that may be looked at
    }
  },
  after(seconds, call) {
    const timer = setTimeout(call, seconds * 1000);
    return () => clearTimeout(timer);
  },
};
