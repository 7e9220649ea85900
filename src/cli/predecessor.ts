/**
 * The running Weir that a new process replaces, as that one sees it: asked to make room, and to give way once the new one
 * accepts.
 *
 * @module
 */

import type { z } from "zod";
import { problemKind } from "../admin/problem.ts";
import { ASKED_ITSELF, offerSchema, takeoverPath } from "../admin/replacement.ts";
import { addressesOverlap } from "../config/rules.ts";
import type { ValidConfig } from "../config/validate.ts";
import type { Offer } from "../control/succession.ts";
import { messageOf, WeirError } from "../errors.ts";
import { canonicalAddress, formatEndpoint, isWildcard, parseEndpoint } from "../net/ip.ts";
import type { ListenAddress } from "../net/listen.ts";
import { parsePortList } from "../net/ports.ts";
import { VERSION } from "../version.ts";
import { callAdmin, detailOf, isNobodyThere } from "./admin_client.ts";
import { type Given, usage } from "./command.ts";

/** Seconds within which the running Weir has to hear that it gives way. */
const HEARD_SECONDS = 20;

/**
 * So many requests in a row that found nobody else say that nobody else listens: of two sockets on a port the kernel
 * takes either for a new connection. After the first ten there is a pause between them, three seconds in all: a running
 * Weir that was out of descriptors opens its admin API again within one.
 */
const ALONE = 40;
const ALONE_AT_ONCE = 10;
const ALONE_PAUSE_MS = 100;

/** The running Weir. */
export class Predecessor {
  /** What it tells. */
  readonly offer: Offer;
  readonly #given: Given;
  /** Keeps the connection open on which the offer has come. */
  readonly #kept: Deno.HttpClient;

  private constructor(offer: Offer, given: Given, kept: Deno.HttpClient) {
    this.offer = offer;
    this.#given = given;
    this.#kept = kept;
  }

  /**
   * Asks the running Weir to make room.
   *
   * @param given the command line, which may say where its admin API is, @param config which says so otherwise
   * @throws {WeirError} when there is none, or it cannot be replaced; it serves on
   */
  static async find(given: Given, config: ValidConfig["config"]): Promise<Predecessor> {
    const reach = whereIs(given, config);
    const kept = Deno.createHttpClient({ poolMaxIdlePerHost: 1, poolIdleTimeout: false });
    const { status, body } = await callAdmin(reach, "POST", "/v1/replacement", undefined, kept);
    const offer = offerSchema.safeParse(body);
    if (status === 200 && offer.success) {
      const predecessor = new Predecessor(read(offer.data), reach, kept);
      const hidden = hiddenBy(config.admin.listen, predecessor.offer.admin);
      if (hidden === undefined) return predecessor;
      await predecessor.giveUp();
      throw new WeirError("bind_failed", hidden);
    }
    throw new WeirError(
      "admin_unreachable",
      status === 404
        ? "The running Weir is of a version that cannot be replaced this way; restart it"
        : `The running Weir cannot be replaced: ${detailOf(body)}`,
    );
  }

  /** The process that takes over is not coming. Nothing more can be done when the running Weir does not hear of it. */
  async giveUp(): Promise<void> {
    try {
      await callAdmin(this.#given, "DELETE", `/v1/replacement/${this.offer.id}`, undefined, this.#kept);
    } catch { /* it finds out by itself, some time later */ }
  }

  /**
   * Has the running Weir give way, over the connection that it has had open since its offer: it needs no descriptor for
   * that, which it may not have by now. Without that connection others are tried. This process accepts on the same
   * address by now, so those may come to itself; another one is tried then.
   *
   * @returns whether it gives way; `false` when it is gone, or has closed its admin API because an answer was lost in
   * which it said that it does
   * @throws {WeirError} when it does not
   */
  async takeOver(): Promise<boolean> {
    const path = takeoverPath(this.offer.id);
    const successor = { process: Deno.pid, version: VERSION };
    const end = performance.now() + HEARD_SECONDS * 1000;
    let why = "";
    let alone = 0;
    for (let isFirst = true; performance.now() < end; isFirst = false) {
      using another = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
      try {
        const client = isFirst ? this.#kept : another;
        const { status, body } = await callAdmin(this.#given, "POST", path, successor, client);
        if (status === 202) {
          // Nothing more is to be said, and it would stay open for as long as this process lives.
          this.#kept.close();
          return true;
        }
        why = detailOf(body);
        if (problemKind(body) !== ASKED_ITSELF) break;
        alone++;
      } catch (error) {
        why = messageOf(error);
        alone = isNobodyThere(error) ? alone + 1 : 0;
      }
      if (alone === ALONE) {
        this.#kept.close();
        return false;
      }
      if (alone > ALONE_AT_ONCE) await new Promise((resolve) => setTimeout(resolve, ALONE_PAUSE_MS));
    }
    throw new WeirError("admin_unreachable", `The running Weir does not give way: ${why}`);
  }
}

/** Where the admin API of the running Weir is, as a command line. */
function whereIs(given: Given, { admin }: ValidConfig["config"]): Given {
  const endpoint = parseEndpoint(admin.listen);
  const named = given.values.get("admin");
  if (named === undefined && endpoint === undefined) {
    throw usage(
      `--replace needs the admin API of the running Weir, and admin.listen is "off"; name it with --admin URL`,
    );
  }
  const url = named ?? `http://${formatEndpoint(reachable(endpoint?.address ?? ""), endpoint?.port ?? 0)}`;
  const values = new Map([["admin", url], ["token", given.values.get("token") ?? admin.token]]);
  return { values, switches: new Set(), rest: [] };
}

/**
 * Why the admin address of the running Weir could not be asked any more beside the new one: for an address the kernel
 * prefers the socket that names it to one that stands for all.
 */
function hiddenBy(listen: string, old: ListenAddress | null): string | undefined {
  const own = parseEndpoint(listen);
  if (own === undefined || old === null || own.port !== old.port) return undefined;
  const [address, oldAddress] = [canonicalAddress(own.address), canonicalAddress(old.address)];
  if (address === oldAddress || !isWildcard(oldAddress) || !addressesOverlap(address, oldAddress)) return undefined;
  const [to, from] = [formatEndpoint(own.address, own.port), formatEndpoint(old.address, old.port)];
  return `The admin API of the running Weir, on ${from}, could not be reached any more beside ${to}; restart Weir, or ` +
    "move it to another port first; nothing was replaced";
}

/** An address to connect to. */
function reachable(address: string): string {
  if (!isWildcard(canonicalAddress(address))) return address;
  return canonicalAddress(address) === "::" ? "::1" : "127.0.0.1";
}

function read({ listening, admin, drained, ...offer }: z.infer<typeof offerSchema>): Offer {
  return {
    ...offer,
    places: listening.map(({ address, ports }) => {
      const list = parsePortList(ports);
      if (!list.ok) throw new WeirError("admin_unreachable", `The running Weir tells of ports that are none: ${ports}`);
      return { address, ports: list.ranges };
    }),
    admin: admin === null ? null : parseEndpoint(admin) ?? null,
    drained: drained.map(({ kind, name, server }) => ({ scope: { kind, name }, server })),
  };
}
