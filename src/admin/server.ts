/**
 * The admin API on its socket.
 *
 * @module
 */

import { messageOf, WeirError } from "../errors.ts";
import type { Log } from "../log.ts";
import { formatEndpoint } from "../net/ip.ts";
import { checkFree, type ListenAddress, listenFailure } from "../net/listen.ts";
import { PLAIN_HEADERS, wrongHost } from "./guard.ts";

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

/** Milliseconds between two attempts to take requests again. */
const REOPEN_MS = 50;

type Handler = (request: Request, address: string) => Response | Promise<Response>;

/**
 * Starts serving. The runtime's server ends for good when it cannot accept (for want of a descriptor, say), with an
 * error that would end the program if nobody took it; another one takes its place then, as soon as it can.
 *
 * @param handler gets the address of who asks as well
 * @param options where to tell of that, and whether another process of this user may listen there as well
 * @throws {WeirError} `bind_failed`
 */
export function serveAdmin(
  at: ListenAddress,
  handler: Handler,
  { log = () => {}, isShared = false }: { readonly log?: Log; readonly isShared?: boolean } = {},
): AdminServer {
  let server = open(at, handler, isShared);
  let isClosing = false;
  const reopened = async () => {
    while (!isClosing) {
      try {
        return open(at, handler, isShared);
      } catch {
        await pause();
      }
    }
  };
  const serving = (async () => {
    while (!isClosing) {
      try {
        await server.finished;
      } catch (error) {
        log("error", `The admin API cannot take requests: ${messageOf(error)}; trying again`);
        await pause();
        server = await reopened() ?? server;
      }
    }
  })();
  const close = async () => {
    isClosing = true;
    // A client that stalls in the middle of a request is not waited for. (It cannot be cut off either: aborting a
    // server that shuts down throws where nobody can catch it, and ends the program.)
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((resolve) => timer = setTimeout(resolve, CLOSE_SECONDS * 1000));
    await Promise.race([server.shutdown().catch(() => {}).then(() => serving), late]);
    clearTimeout(timer);
  };
  return { ...at, close };
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, REOPEN_MS));
}

function open(at: ListenAddress, handler: Handler, isShared: boolean): Deno.HttpServer {
  try {
    if (!isShared) checkFree(at);
    // So that the process that replaces this one can listen before this one ends.
    return Deno.serve(
      { hostname: at.address, port: at.port, reusePort: true, onListen: () => {} },
      (request, { remoteAddr }) =>
        URL.canParse(request.url) ? handler(asGet(request), remoteAddr.hostname) : noAddress(request),
    );
  } catch (thrown) {
    const error = thrown instanceof WeirError ? thrown.cause : thrown;
    throw new WeirError(
      "bind_failed",
      `The admin API cannot listen on ${formatEndpoint(at.address, at.port)}: ${listenFailure(error, at)}`,
      { cause: error },
    );
  }
}

/**
 * Refuses a request whose Host is none (`a b`, port 99999). It is part of the address, in which nobody could look for the
 * path; the runtime's server would answer what the handler throws then, and print it past the log.
 */
function noAddress({ headers }: Request): Response {
  const answer = wrongHost(headers.get("host") ?? "");
  for (const [name, value] of PLAIN_HEADERS) answer.headers.set(name, value);
  return answer;
}

/**
 * HEAD is asked as GET. The runtime's server knows the method: it sends the length of the answer, closes its body and
 * leaves it out. The framework would take the body away itself, which then seems to be empty (RFC 9110, 8.6).
 */
function asGet(request: Request): Request {
  return request.method === "HEAD" ? new Request(request.url, { headers: request.headers }) : request;
}
