/**
 * Bodies of requests, bounded in size and in time: read as a whole before anything is done with the request, and only
 * behind the guards, so that nothing of what strangers send is kept.
 *
 * @module
 */

import type { MiddlewareHandler } from "hono";
import { problem } from "./problem.ts";

/** What bodies may be. */
export interface BodyLimits {
  readonly bytes: number;
  /** Milliseconds that a body may take to come. */
  readonly milliseconds: number;
}

/** The limits of the admin API. */
export const BODY_LIMITS: BodyLimits = { bytes: 1024 * 1024, milliseconds: 10_000 };

/** Why a body could not be taken. */
export type BodyFault = "too large" | "too slow" | "broken off";

/** Reads the body of every request that has one, or refuses the request. @param refused makes the answer then */
export function boundedBody(
  limits: BodyLimits = BODY_LIMITS,
  refused: (fault: BodyFault, limits: BodyLimits) => Response | Promise<Response> = refusedBody,
): MiddlewareHandler {
  return async (context, next) => {
    const { raw } = context.req;
    if (raw.body === null) return await next();
    if (Number(raw.headers.get("content-length") ?? 0) > limits.bytes) return refused("too large", limits);
    const body = await readWithin(raw.body, limits);
    if (typeof body === "string") return refused(body, limits);
    context.req.raw = new Request(raw, { body });
    await next();
  };
}

function refusedBody(fault: BodyFault, { bytes, milliseconds }: BodyLimits): Response {
  switch (fault) {
    case "too large":
      return problem(413, "body_too_large", `A body may have ${bytes} bytes`);
    case "too slow":
      return problem(408, "body_too_slow", `A body must come within ${milliseconds / 1000} s`);
    case "broken off":
      return problem(400, "bad_request", "The body broke off");
  }
}

async function readWithin(
  stream: ReadableStream<Uint8Array>,
  { bytes, milliseconds }: BodyLimits,
): Promise<Uint8Array<ArrayBuffer> | BodyFault> {
  const reader = stream.getReader();
  const pieces: Uint8Array[] = [];
  let length = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<"too slow">((resolve) => timer = setTimeout(() => resolve("too slow"), milliseconds));
  try {
    for (;;) {
      const piece = await Promise.race([reader.read(), late]);
      if (piece === "too slow") return piece;
      if (piece.done) return joined(pieces, length);
      length += piece.value.length;
      if (length > bytes) return "too large";
      pieces.push(piece.value);
    }
  } catch {
    return "broken off"; // the client has gone
  } finally {
    clearTimeout(timer);
    // Nobody waits for what is left.
    reader.cancel().catch(() => {});
  }
}

function joined(pieces: readonly Uint8Array[], length: number): Uint8Array<ArrayBuffer> {
  const body = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    body.set(piece, at);
    at += piece.length;
  }
  return body;
}
