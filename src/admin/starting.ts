/**
 * The admin API before there is anything to show: at a start until every listener has been set up, and at an address
 * that a change of the configuration moves it to until the change is made.
 *
 * @module
 */

import { Hono } from "hono";
import { hostGuard, originGuard, plainHeaders } from "./guard.ts";
import { problem } from "./problem.ts";

/** Answers that the process is up, and to everything else that it is not ready. Needs no token, and tells nothing. */
export function createStartingApi(): Hono {
  const api = new Hono();
  api.use(plainHeaders());
  api.use(hostGuard());
  api.use(originGuard());
  api.get("/healthz", (context) => context.json({ status: "ok" }));
  api.get("/readyz", (context) => context.json({ ready: false, listeners: {} }, 503));
  api.notFound(() => {
    const answer = problem(503, "starting", "Weir is not ready here yet; ask again in a moment");
    answer.headers.set("retry-after", "1");
    return answer;
  });
  return api;
}
