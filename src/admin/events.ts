/**
 * What has happened, in the admin API: as a list, and live as a stream of server-sent events.
 *
 * @module
 */

import { createRoute, type OpenAPIHono, z } from "@hono/zod-openapi";
import { type EventLog, type RecordedEvent, REMEMBERED_EVENTS, SEVERITIES } from "../control/event_log.ts";
import { EVENT_KINDS } from "../event_kind.ts";
import { type EventStreams, MOST_STREAMS } from "./event_streams.ts";
import { wantsEventStream } from "./negotiate.ts";
import { problem } from "./problem.ts";
import { failure, guarded } from "./route_parts.ts";

/** What showing events needs. */
export interface EventDependencies {
  readonly events: EventLog;
  readonly eventStreams: EventStreams;
  /** The token in force, empty for none. */
  token(): string;
}

/** Something that has happened. */
export const eventSchema = z.object({
  id: z.int().openapi({ description: "Greater than that of every earlier event" }),
  at: z.iso.datetime(),
  kind: z.enum(EVENT_KINDS),
  severity: z.enum(SEVERITIES),
  listener: z.string().nullable(),
  server: z.string().nullable(),
  message: z.string(),
  details: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
}).openapi("Event");

const DEFAULT_LIMIT = 100;

/** What a query can say of a number. */
const numberParameter = (name: string, description: string, range: { readonly min: number; readonly max: number }) =>
  z.string().regex(/^\d{1,16}$/, "must be a whole number").transform(Number).refine(
    (value) => value >= range.min && value <= range.max,
    `must be between ${range.min} and ${range.max}`,
  ).optional().openapi({
    param: { name, in: "query" },
    type: "integer",
    minimum: range.min,
    maximum: range.max,
    description,
  });

const eventsRoute = createRoute({
  method: "get",
  path: "/v1/events",
  summary: "What has happened, oldest first; with Accept: text/event-stream as a stream that goes on",
  description: `The last ${REMEMBERED_EVENTS} are remembered. A stream begins after the event that Last-Event-ID or ` +
    `since names, otherwise with what happens next; each message's data is one Event. ${MOST_STREAMS} streams at most.`,
  security: [{ token: [] }],
  request: {
    query: z.object({
      limit: numberParameter(
        "limit",
        `Events at most in a list, ${DEFAULT_LIMIT} by default: with since the oldest after it, otherwise the newest`,
        { min: 1, max: REMEMBERED_EVENTS },
      ),
      since: numberParameter("since", "Only events after the one of this id; 0 for all that are remembered", {
        min: 0,
        max: Number.MAX_SAFE_INTEGER,
      }),
    }),
  },
  responses: {
    200: {
      description: "Events",
      content: {
        "application/json": { schema: z.object({ events: z.array(eventSchema) }) },
        "text/event-stream": { schema: z.string() },
      },
    },
    400: failure("A parameter is no number, or out of its range"),
    503: failure("There are as many streams as may be"),
    ...guarded,
  },
});

/** Adds the route to the API. */
export function addEventRoutes(api: OpenAPIHono, { events, eventStreams, token }: EventDependencies): void {
  api.openapi(eventsRoute, (context) => {
    const { limit = DEFAULT_LIMIT, since } = context.req.valid("query");
    context.header("vary", "accept");
    if (!wantsEventStream(context.req.header("accept"))) {
      return context.json({ events: listOf(events, limit, since) }, 200);
    }
    const inForce = token();
    const stream = eventStreams.open({
      after: lastEventId(context.req.header("last-event-id")) ?? since ?? events.lastId,
      isAllowed: () => token() === inForce,
    });
    if (stream === undefined) {
      return problem(503, "too_many_streams", `There are ${MOST_STREAMS} streams of events already; try again later`);
    }
    return context.body(stream, 200, {
      "content-type": "text/event-stream; charset=utf-8",
      // Web servers in front must pass each event on at once.
      "x-accel-buffering": "no",
    });
  });
}

function listOf(events: EventLog, limit: number, since: number | undefined): RecordedEvent[] {
  return since === undefined ? events.after(0).slice(-limit) : events.after(since).slice(0, limit);
}

/** What a browser sends when it comes back; a number, unless somebody else made it up. */
function lastEventId(header: string | undefined): number | undefined {
  return header !== undefined && /^\d{1,16}$/.test(header) ? Number(header) : undefined;
}
