/**
 * What the last probe of each server found; text, so it does not stand on the board.
 *
 * @module
 */

/** The last probe's error by listener and server. */
export class ProbeErrors {
  readonly #errors = new Map<string, Map<string, string>>();

  /** Keeps an outcome; `null` means success. */
  set(listener: string, server: string, error: string | null): void {
    const errors = this.#errors.get(listener) ?? new Map<string, string>();
    this.#errors.set(listener, errors);
    if (error === null) errors.delete(server);
    else errors.set(server, error);
  }

  /** The last probe's error; `null` when it succeeded or there was none. */
  get(listener: string, server: string): string | null {
    return this.#errors.get(listener)?.get(server) ?? null;
  }

  /** A listener is gone for good. */
  drop(listener: string): void {
    this.#errors.delete(listener);
  }
}
