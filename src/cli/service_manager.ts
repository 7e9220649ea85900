/**
 * Tells the service manager that started the program how it is going: ready, stopping, still alive. This is systemd's
 * protocol, sd_notify(3): datagrams to the socket that NOTIFY_SOCKET names.
 *
 * @module
 */

import { join } from "node:path";
import { messageOf } from "../errors.ts";
import type { Log } from "../log.ts";

/** What the program gets to know from who started it. */
type Environment = (name: string) => string | undefined;

const ofProcess: Environment = (name) => Deno.env.get(name);

/** How often the service manager wants to hear of this process; `null` for never. Another's watchdog is not ours. */
export function watchdogMicroseconds(environment: Environment = ofProcess): number | null {
  const isOurs = [undefined, String(Deno.pid)].includes(environment("WATCHDOG_PID"));
  const microseconds = Number(environment("WATCHDOG_USEC") ?? 0);
  return isOurs && microseconds > 0 ? microseconds : null;
}

/** A way to the service manager; it says nothing where nobody listens. Nothing that goes wrong here stops the program. */
export class ServiceManager implements Disposable {
  readonly #log: Log;
  #path: string | undefined;
  readonly #watchdogMs: number;
  #socket: Deno.DatagramConn | undefined;
  #endWatchdog = () => {};

  /**
   * @param log where to tell what goes wrong
   * @param options the environment, and the watchdog in microseconds of a process that this one takes the place of
   */
  constructor(
    log: Log,
    { environment = ofProcess, watchdog = watchdogMicroseconds(environment) }: {
      readonly environment?: Environment;
      readonly watchdog?: number | null;
    } = {},
  ) {
    this.#log = log;
    this.#path = environment("NOTIFY_SOCKET") || undefined;
    // Twice as often as is asked for, as sd_watchdog_enabled(3) recommends.
    this.#watchdogMs = (watchdog ?? 0) / 2000;
  }

  /**
   * Everything is accepting. From now on the watchdog, where there is one, hears that the program lives.
   *
   * @param isSuccessor whether this process takes the place of the one that the service manager knows
   */
  async ready(isSuccessor = false): Promise<void> {
    await this.#send(`${isSuccessor ? `MAINPID=${Deno.pid}\n` : ""}READY=1\nSTATUS=Serving`);
    if (this.#path === undefined || this.#watchdogMs === 0) return;
    const timer = setInterval(() => void this.#send("WATCHDOG=1"), this.#watchdogMs);
    this.#endWatchdog = () => clearInterval(timer);
  }

  /** The process that was there before goes on being the service. */
  async handBack(process: number): Promise<void> {
    await this.#send(`MAINPID=${process}`);
  }

  /** Another process is the service from now on: says nothing any more. */
  giveWay(): void {
    this.#endWatchdog();
    this.#path = undefined;
  }

  /** @param seconds that stopping may take; systemd's own patience would end after 90 */
  async stopping(seconds: number): Promise<void> {
    await this.#send(`STOPPING=1\nSTATUS=Draining\nEXTEND_TIMEOUT_USEC=${seconds * 1_000_000}`);
  }

  async #send(text: string): Promise<void> {
    if (this.#path === undefined) return;
    try {
      this.#socket ??= open();
      await this.#socket.send(new TextEncoder().encode(text), { transport: "unixpacket", path: this.#path });
    } catch (error) {
      this.#log("warn", `Cannot tell the service manager at "${this.#path}": ${messageOf(error)}`);
    }
  }

  [Symbol.dispose](): void {
    this.#endWatchdog();
    this.#socket?.close();
    this.#socket = undefined;
  }
}

/** A socket to send from. It needs a place in a folder to be made, and none to be used. */
function open(): Deno.DatagramConn {
  const folder = Deno.makeTempDirSync({ prefix: "weir-" });
  try {
    return Deno.listenDatagram({ transport: "unixpacket", path: join(folder, "notify") });
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}
