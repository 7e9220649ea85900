/**
 * The admin API on its socket.
 *
 * @module
 */

import { messageOf, WeirError } from "../errors.ts";
import { formatEndpoint } from "../net/ip.ts";

/** The admin API while it can be reached. */
export interface AdminServer {
  /** Where it listens. */
  readonly address: string;
  readonly port: number;
  /** Stops taking requests and finishes those under way. */
  close(): Promise<void>;
}

/** Seconds that requests under way get when the admin API closes. */
const CLOSE_SECONDS = 2;

/**
 * Starts serving.
 *
 * @throws {WeirError} `bind_failed`
 */
export function serveAdmin(
  at: { readonly address: string; readonly port: number },
  handler: (request: Request) => Response | Promise<Response>,
): AdminServer {
  try {
    const server = Deno.serve({ hostname: at.address, port: at.port, onListen: () => {} }, handler);
    const close = async () => {
      // A client that stalls in the middle of a request is not waited for. (It cannot be cut off either: aborting a
      // server that shuts down throws where nobody can catch it, and ends the program.)
      let timer: ReturnType<typeof setTimeout> | undefined;
      const late = new Promise<void>((resolve) => timer = setTimeout(resolve, CLOSE_SECONDS * 1000));
      await Promise.race([server.shutdown(), late]);
      clearTimeout(timer);
    };
    return { ...at, close };
  } catch (error) {
    const reason = error instanceof Deno.errors.AddrInUse ? "the port is in use by another program" : messageOf(error);
    throw new WeirError(
      "bind_failed",
      `The admin API cannot listen on ${formatEndpoint(at.address, at.port)}: ${reason}`,
      {
        cause: error,
      },
    );
  }
}
