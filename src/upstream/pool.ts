/**
 * The servers of one listener: which of them may take a connection, and picking one. Picking reserves: the connection
 * counts from that moment on, so that a burst does not land on one server.
 *
 * @module
 */

import { ClaimJournal } from "../board/claim_journal.ts";
import { ListenerCounters, ServerCounters } from "../board/board.ts";
import type { HealthState, WorkerMemory } from "../board/layout.ts";
import { TurnLock } from "../board/turn_lock.ts";
import type { Algorithm, PoolPlan, ServerPlan } from "../config/model.ts";
import { type IpFamily, peerFamily } from "../net/ip.ts";
import { INDEX_FROM, PickIndex } from "./pick_index.ts";
import type { Candidate, Scheduler } from "./scheduler.ts";
import { hashText, sourceHash } from "./source_hash.ts";
import { warmPercent } from "./slow_start.ts";
import { weightedLeastConnections } from "./weighted_least_connections.ts";
import { weightedRoundRobin } from "./weighted_round_robin.ts";

const SCHEDULERS: Readonly<Record<Algorithm, Scheduler>> = {
  wrr: weightedRoundRobin,
  wlc: weightedLeastConnections,
  "source-hash": sourceHash,
};

/** A server as one listener's worker knows it: settings that reloads replace, and counters that they do not. */
export class Server implements Candidate {
  /** The settings in force. */
  plan: ServerPlan;
  /** State and counters, on the board. */
  readonly counters: ServerCounters;
  /** Made from the identity. */
  readonly hash: number;
  /** What the scheduler goes by: the weight of the settings, or a hundredfold of what slow start leaves of it. */
  weight: number;

  /** @param plan the settings, @param counters where its state is kept */
  constructor(plan: ServerPlan, counters: ServerCounters) {
    this.plan = plan;
    this.counters = counters;
    this.hash = hashText(plan.key);
    this.weight = plan.weight;
  }

  /** Connections that are open or being opened. */
  get active(): number {
    return this.counters.active;
  }
  /** The running value of round robin. */
  get turn(): number {
    return this.counters.turn;
  }
  set turn(value: number) {
    this.counters.turn = value;
  }
}

/** One connection's claim on a server; disposing it twice is harmless. */
export class Lease implements Disposable {
  /** The server that was picked. */
  readonly server: Server;
  #held = true;

  /** @param server the server to claim */
  constructor(server: Server) {
    this.server = server;
    server.counters.reserve();
  }

  /** Gives the server back. */
  [Symbol.dispose](): void {
    if (!this.#held) return;
    this.#held = false;
    this.server.counters.release();
  }
}

/** What a pool needs beside its settings and its board. */
export interface PoolOptions {
  /** May clients of one family reach servers of the other. */
  readonly ipTranslation: boolean;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Whether other threads pick from the same servers. */
  readonly shared?: boolean;
  /** From how many servers on they are kept in order instead of being looked at one by one. */
  readonly indexFrom?: number;
}

/** Servers that may take a connection when none of a tier before them may. */
interface Tier {
  readonly servers: readonly Server[];
  /** Where there are many of them. */
  readonly index: PickIndex<Server> | undefined;
}

function isIndexed({ index }: Tier): boolean {
  return index !== undefined;
}

/** The servers of one listener. */
export class Pool {
  #plan: PoolPlan;
  readonly #options: PoolOptions;
  readonly #board: ListenerCounters;
  readonly #lock: TurnLock;
  /** Whether other threads pick from the same servers. */
  #shared: boolean;
  #servers = new Map<string, Server>();
  /** Eligible servers by client family, worked out when something changes and not on every connection. */
  #eligible = new Map<IpFamily, readonly Tier[]>();
  /** The state of the board that they were worked out with: other threads write it too. */
  #seenVersion = 0;
  /** What the tiers' indexes have to be told. */
  readonly #journal: ClaimJournal;
  /** By their slots on the board. */
  #bySlot: (Server | undefined)[] = [];
  /** The second since 1970 that the weights hold for; `undefined` when no server warms up. */
  #warmSecond: number | undefined;

  /** @param plan the settings, @param memory where the servers' state is kept, @param options families and time */
  constructor(plan: PoolPlan, memory: WorkerMemory, options: PoolOptions) {
    this.#plan = plan;
    this.#options = options;
    this.#board = new ListenerCounters(memory.listener);
    this.#lock = new TurnLock(memory.listener, memory.worker);
    this.#journal = new ClaimJournal(memory.listener);
    this.#shared = options.shared ?? false;
    this.#take(plan, memory);
  }

  /** Every server, in the order of the configuration. */
  get servers(): Iterable<Server> {
    return this.#servers.values();
  }

  /** Takes up new settings. Servers that stay keep their state; those that are gone get nothing new. */
  update(plan: PoolPlan, memory: WorkerMemory): void {
    this.#take(plan, memory);
    this.#board.poolChanged();
  }

  /** Other threads pick from the same servers from now on, or none does any more. */
  share(shared: boolean): void {
    if (shared === this.#shared) return;
    this.#shared = shared;
    this.#forgetTiers();
  }

  #take(plan: PoolPlan, memory: WorkerMemory): void {
    this.#plan = plan;
    // A slot of one that goes may be another's by now.
    const stays = new Set(plan.servers.map(({ key }) => key));
    this.#forgetTiers((server) => stays.has(server.plan.key));
    const before = this.#servers;
    this.#servers = new Map(plan.servers.map((settings) => {
      const server = before.get(settings.key) ?? new Server(settings, new ServerCounters(memory, settings.key));
      server.plan = settings;
      return [settings.key, server];
    }));
    this.#bySlot = [];
    for (const [key, slot] of memory.slots) this.#bySlot[slot] = this.#servers.get(key);
    this.#refresh();
  }

  /** Sets a server's health, for all threads. A server that has recovered warms up. @returns what it was before */
  setHealth(server: Server, health: HealthState): HealthState {
    const { counters } = server;
    const before = counters.becomes(health);
    if (before === health) return before;
    if (health === "Healthy") counters.forgetFailures();
    if (health === "Healthy" && before === "Abnormal") counters.startWarming(this.#options.now());
    this.#board.poolChanged();
    return before;
  }

  /**
   * Picks a server for a client and reserves it.
   *
   * @param client the client's address, as its socket reports it
   * @param tried servers that have been tried for this client, and failed
   * @returns `undefined` when no server is left that may take the connection
   */
  acquire(client: string, tried: ReadonlySet<Server> = NONE): Lease | undefined {
    // Source hash goes by nothing that a pick changes.
    if (!this.#shared || this.#plan.algorithm === "source-hash") return this.#pick(client, tried);
    this.#lock.acquire();
    try {
      return this.#pick(client, tried);
    } finally {
      this.#lock.release();
    }
  }

  #pick(client: string, tried: ReadonlySet<Server>): Lease | undefined {
    if (this.#isStale()) this.#refresh();
    const tiers = this.#tiers(peerFamily(client));
    if (this.#plan.algorithm === "wlc" && tiers.some(isIndexed) && !this.#journal.read(this.#moved)) {
      this.#refreshIndexes();
    }
    for (const tier of tiers) {
      const server = tier.index === undefined ? this.#scan(tier, client, tried) : tier.index.pick(tried);
      if (server !== undefined) return new Lease(server);
    }
    return undefined;
  }

  #scan({ servers }: Tier, client: string, tried: ReadonlySet<Server>): Server | undefined {
    const candidates = tried.size === 0 ? servers : servers.filter((server) => !tried.has(server));
    return SCHEDULERS[this.#plan.algorithm](candidates, client);
  }

  /** A thread has claimed the server in a slot, or given it back. */
  readonly #moved = (slot: number): void => {
    const server = this.#bySlot[slot];
    if (server === undefined) return;
    for (const tiers of this.#eligible.values()) for (const { index } of tiers) index?.moved(server);
  };

  #refreshIndexes(): void {
    for (const tiers of this.#eligible.values()) for (const { index } of tiers) index?.refresh();
  }

  /** Has the eligible servers worked out anew. @param stays whose turns may still be written down */
  #forgetTiers(stays?: (server: Server) => boolean): void {
    for (const tiers of this.#eligible.values()) for (const { index } of tiers) index?.flush(stays);
    this.#eligible.clear();
  }

  #isStale(): boolean {
    return this.#board.poolVersion !== this.#seenVersion ||
      (this.#warmSecond !== undefined && this.#warmSecond !== this.#second());
  }

  #second(): number {
    return Math.floor(this.#options.now() / 1000);
  }

  /** Weighs the servers anew, and has the eligible ones worked out anew. */
  #refresh(): void {
    this.#seenVersion = this.#board.poolVersion;
    this.#forgetTiers();
    this.#warmSecond = undefined;
    const { slowStart } = this.#plan;
    const now = this.#options.now();
    for (const server of this.#servers.values()) {
      server.weight = server.plan.weight;
      if (slowStart === 0) continue;
      // The unit stays the same whether a server warms up or not: threads that notice at different moments add up.
      const percent = warmPercent(server.counters.warmSince, now, slowStart);
      server.weight *= percent;
      if (percent < 100) this.#warmSecond = Math.floor(now / 1000);
    }
  }

  #tiers(clientFamily: IpFamily): readonly Tier[] {
    const { ipTranslation } = this.#options;
    // With translation all clients have the same servers.
    const family = ipTranslation ? "IPv4" : clientFamily;
    const known = this.#eligible.get(family);
    if (known !== undefined) return known;
    const { algorithm, whenAllUnhealthy } = this.#plan;
    const tiers = eligibleTiers([...this.#servers.values()], {
      family: ipTranslation ? undefined : family,
      whenAllUnhealthy,
    }).map((servers): Tier => {
      const sum = servers.reduce((total, server) => total + server.weight, 0);
      for (const server of servers) server.counters.scaleTurn(sum);
      // By round robin the order of all picks, over all threads, is one: each has to see the turns that others left.
      const isOrdered = algorithm === "wlc" || (algorithm === "wrr" && !this.#shared);
      const isMany = servers.length >= (this.#options.indexFrom ?? INDEX_FROM);
      return { servers, index: isOrdered && isMany ? new PickIndex(servers, algorithm === "wlc") : undefined };
    });
    this.#eligible.set(family, tiers);
    return tiers;
  }
}

const NONE: ReadonlySet<Server> = new Set();

/** What decides, beside the servers themselves, who may take a connection. */
export interface EligibilityOptions {
  /** The only family that will do; `undefined` for any. */
  readonly family: IpFamily | undefined;
  readonly whenAllUnhealthy: PoolPlan["whenAllUnhealthy"];
}

/**
 * The one definition of which servers may take a connection: right family, weight above 0, not draining, not Abnormal.
 * Primaries come first; backups are used when no primary is left. With every one of them Abnormal, `forward` treats all
 * as healthy and `reject` leaves none.
 */
export function eligibleTiers(servers: readonly Server[], options: EligibilityOptions): readonly (readonly Server[])[] {
  const able = servers.filter((server) =>
    server.plan.weight > 0 && !server.plan.draining &&
    (options.family === undefined || server.plan.family === options.family)
  );
  const healthy = able.filter((server) => server.counters.health !== "Abnormal");
  const chosen = healthy.length > 0 || options.whenAllUnhealthy === "reject" ? healthy : able;
  return [chosen.filter((server) => !server.plan.backup), chosen.filter((server) => server.plan.backup)]
    .filter((tier) => tier.length > 0);
}
