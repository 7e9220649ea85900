/**
 * The running Weir that a new process replaces, as that one sees it: asked to make room, and to give way once the new one
 * accepts.
 *
 * @module
 */

import type { z } from "zod";
import { problemKind } from "../admin/problem.ts";
import { ASKED_ITSELF, offerSchema, takeoverPath } from "../admin/replacement.ts";
import type { ValidConfig } from "../config/validate.ts";
import type { Offer } from "../control/succession.ts";
import { messageOf, WeirError } from "../errors.ts";
import { canonicalAddress, formatEndpoint, isWildcard, parseEndpoint } from "../net/ip.ts";
import { parsePortList } from "../net/ports.ts";
import { VERSION } from "../version.ts";
import { callAdmin, detailOf, isNobodyThere } from "./admin_client.ts";
import { type Given, usage } from "./command.ts";

/** Seconds within which the running Weir has to hear that it gives way. */
const HEARD_SECONDS = 20;

/**
 * So many requests in a row that found nobody else say that nobody else listens: of two sockets on a port the kernel
 * takes either for a new connection.
 */
const ALONE = 40;

/** The running Weir. */
export class Predecessor {
  /** What it tells. */
  readonly offer: Offer;
  readonly #given: Given;

  private constructor(offer: Offer, given: Given) {
    this.offer = offer;
    this.#given = given;
  }

  /**
   * Asks the running Weir to make room.
   *
   * @param given the command line, which may say where its admin API is, @param config which says so otherwise
   * @throws {WeirError} when there is none, or it cannot be replaced; it serves on
   */
  static async find(given: Given, config: ValidConfig["config"]): Promise<Predecessor> {
    const reach = whereIs(given, config);
    const { status, body } = await callAdmin(reach, "POST", "/v1/replacement");
    const offer = offerSchema.safeParse(body);
    if (status === 200 && offer.success) return new Predecessor(read(offer.data), reach);
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
      await callAdmin(this.#given, "DELETE", `/v1/replacement/${this.offer.id}`);
    } catch { /* it finds out by itself, some time later */ }
  }

  /**
   * Has the running Weir give way. This process accepts on the same address by now, so a request may come to itself;
   * another connection is tried then.
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
    while (performance.now() < end) {
      using client = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
      try {
        const { status, body } = await callAdmin(this.#given, "POST", path, successor, client);
        if (status === 202) return true;
        why = detailOf(body);
        if (problemKind(body) !== ASKED_ITSELF) break;
        alone++;
      } catch (error) {
        why = messageOf(error);
        alone = isNobodyThere(error) ? alone + 1 : 0;
      }
      if (alone === ALONE) return false;
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
