/**
 * Where people and programs come in to manage Weir: the admin API and the console behind one address, which a change of
 * the configuration may move.
 *
 * @module
 */

import { type AdminDependencies, createAdminApi } from "../admin/api.ts";
import { createStartingApi } from "../admin/starting.ts";
import { EventStreams } from "../admin/event_streams.ts";
import { isApiPath } from "../admin/paths.ts";
import { type AdminServer, serveAdmin } from "../admin/server.ts";
import { addressesOverlap } from "../config/rules.ts";
import type { ConsoleApp } from "../console/console.tsx";
import { LiveStreams } from "../console/live_streams.ts";
import type { RateHistory } from "../console/rate_history.ts";
import type { PreparedChange } from "../control/prepared_change.ts";
import { messageOf, WeirError } from "../errors.ts";
import { formatEndpoint } from "../net/ip.ts";
import type { ListenAddress } from "../net/listen.ts";

/** What the API and the console show and change. */
export interface AdminDoorContext extends Omit<AdminDependencies, "eventStreams"> {
  /** Of the last minutes. */
  readonly rates: RateHistory;
  /** Why nothing can be saved, for people; `null` when it can. */
  readonly unsaveable: string | null;
  /** Where the admin API of the Weir listens that this one replaces; `null` when it replaces none. */
  readonly predecessor: ListenAddress | null;
  /** Starts a repeating timer; what it returns stops it. */
  every(milliseconds: number, call: () => void): () => void;
}

/** The address in force, and the one that is to be. */
export class AdminDoor {
  readonly #context: AdminDoorContext;
  #server: AdminServer | undefined;
  #predecessor: ListenAddress | null;

  /** @param context what is shown and changed */
  constructor(context: AdminDoorContext) {
    this.#context = context;
    this.#predecessor = context.predecessor;
  }

  /** Where it can be reached; `null` when nowhere. */
  get address(): ListenAddress | null {
    return this.#server === undefined ? null : { address: this.#server.address, port: this.#server.port };
  }

  /** The Weir that this one replaces has closed its address. */
  predecessorGone(): void {
    this.#predecessor = null;
  }

  /**
   * Opens another address, which tells that it is not ready before it is the one in force.
   *
   * @param at `null` for none
   * @throws {WeirError} `bind_failed`; the old address stays
   */
  prepare(at: ListenAddress | null): PreparedChange {
    // The token in force may be that of the old address.
    const serving = { yet: false };
    // Beside another process that answers, an address would take half of its requests before it can answer any.
    const isLate = at !== null && this.#predecessor !== null && overlap(at, this.#predecessor);
    let server = at === null || isLate ? undefined : this.#open(at, serving, false);
    return {
      abort: async () => await server?.close(),
      commit: () => {
        const { log } = this.#context;
        const old = this.#server;
        serving.yet = true;
        if (isLate) server = this.#open(at, serving, true);
        this.#server = server;
        if (server !== undefined) {
          log("info", `The admin API listens on http://${formatEndpoint(server.address, server.port)}`);
        }
        // Not awaited: the request that asked for this change may be one of those it finishes.
        old?.close().catch((error) => log("warn", `The old admin API did not close: ${messageOf(error)}`));
        return Promise.resolve();
      },
    };
  }

  /** Finishes what is under way, and takes nothing more. */
  async close(): Promise<void> {
    await this.#server?.close();
  }

  #open(at: ListenAddress, serving: { readonly yet: boolean }, isShared: boolean): AdminServer {
    this.#checkRoom(at);
    const { rates, unsaveable, every, predecessor: _, ...shared } = this.#context;
    const eventStreams = new EventStreams({ events: shared.events, every });
    const streams = new LiveStreams({ events: shared.events, every });
    const api = createAdminApi({ ...shared, eventStreams });
    const starting = createStartingApi();
    // Loaded when somebody first looks: its pages and forms are a large part of what takes time at a start.
    let console: Promise<ConsoleApp> | undefined;
    const load = async () => {
      const { createConsole } = await import("../console/console.tsx");
      return createConsole({ ...shared, rates, streams, unsaveable });
    };
    const server = serveAdmin(at, async (request, address) => {
      if (!serving.yet) return await starting.fetch(request);
      if (isApiPath(new URL(request.url).pathname)) return await api.fetch(request);
      console ??= load();
      return await (await console).fetch(request, { address });
    }, { log: shared.log, isShared });
    return {
      ...server,
      close: () => {
        eventStreams.close();
        streams.close();
        return server.close();
      },
    };
  }

  /** Two addresses are open at once while one takes the other's place. */
  #checkRoom(at: ListenAddress): void {
    const old = this.#server;
    if (old === undefined || !overlap(old, at)) return;
    const [from, to] = [formatEndpoint(old.address, old.port), formatEndpoint(at.address, at.port)];
    throw new WeirError(
      "bind_failed",
      `The admin API cannot move to ${to} while it listens on ${from}; restart Weir, or move it to another port first`,
    );
  }
}

function overlap(a: ListenAddress, b: ListenAddress): boolean {
  return a.port === b.port && addressesOverlap(a.address, b.address);
}
