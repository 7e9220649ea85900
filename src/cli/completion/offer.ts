/**
 * What only the running Weir knows: completion scripts ask for its listeners and servers while a command line is being
 * written. No help shows this; it says nothing when nobody answers.
 *
 * @module
 */

import { z } from "zod";
import { WeirError } from "../../errors.ts";
import { ADMIN_FLAGS } from "../admin_client.ts";
import { type Command, EXIT, readCommandLine } from "../command.ts";
import { print } from "../output.ts";
import { readAdmin } from "../read_admin.ts";

/** The word by which completion scripts ask. */
export const OFFER_WORD = "__offer";

const offeredSchema = z.object({
  listeners: z.array(z.object({ name: z.string(), servers: z.array(z.object({ server: z.string() })) })),
});

/** The flags decide which Weir is asked, as they do for the command that is being written. */
const OFFER: Command = {
  name: OFFER_WORD,
  summary: "",
  usage: "listener | server LISTENER",
  flags: ADMIN_FLAGS,
  maxRest: 2,
  run: async (given) => {
    const [kind, name] = given.rest;
    const { listeners } = await readAdmin(given, "/v1/listeners", offeredSchema);
    const words = kind === "listener"
      ? listeners.map((one) => one.name)
      : listeners.filter((one) => one.name === name).flatMap((one) => one.servers.map(({ server }) => server));
    if (words.length > 0) print([...new Set(words)].join("\n"));
    return EXIT.done;
  },
};

/** Prints what fits, a line each. @returns the exit code, which says done whatever happens */
export async function offer(words: readonly string[]): Promise<number> {
  try {
    return await OFFER.run(readCommandLine(OFFER, words));
  } catch (error) {
    // A message would land in the middle of what somebody is typing.
    if (error instanceof WeirError) return EXIT.done;
    throw error;
  }
}
