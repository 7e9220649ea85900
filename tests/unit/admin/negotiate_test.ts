/** Which format a client gets. @module */

import assert from "node:assert/strict";
import { metricsFormatFor, wantsEventStream } from "../../../src/admin/negotiate.ts";

const METRICS: readonly (readonly [accept: string | undefined, format: string])[] = [
  [undefined, "text"],
  ["", "text"],
  ["*/*", "text"],
  ["text/html,application/xhtml+xml,*/*;q=0.8", "text"],
  ["text/plain", "text"],
  ["application/openmetrics-text", "openmetrics"],
  ["application/openmetrics-text; version=1.0.0; charset=utf-8", "openmetrics"],
  ['Application/OpenMetrics-Text; Version="1.0.0"', "openmetrics"],
  ["application/openmetrics-text;version=0.0.1", "text"],
  ["application/openmetrics-text;version=2.0.0", "text"],
  ["application/openmetrics-text;q=0", "text"],
  ["application/openmetrics-text;q=0.4,text/plain;q=0.5", "text"],
  ["application/openmetrics-text;q=nonsense", "text"],
  ["application/openmetrics-text;version=1.0.0,*/*", "openmetrics"],
  // What Prometheus 2.42 and 3.0 send.
  [
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
    "openmetrics",
  ],
  [
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
    "openmetrics",
  ],
];

for (const [accept, format] of METRICS) {
  Deno.test(`metricsFormatFor(${JSON.stringify(accept)}) is ${format}`, () => {
    assert.equal(metricsFormatFor(accept), format);
  });
}

const STREAMS: readonly (readonly [accept: string | undefined, stream: boolean])[] = [
  [undefined, false],
  ["*/*", false],
  ["text/*", false],
  ["application/json", false],
  ["text/event-stream", true],
  ["TEXT/Event-Stream", true],
  ["text/event-stream, */*", true],
  ["text/event-stream;q=0.1, application/json", false],
  ["text/event-stream;q=0", false],
];

for (const [accept, stream] of STREAMS) {
  Deno.test(`wantsEventStream(${JSON.stringify(accept)}) is ${stream}`, () => {
    assert.equal(wantsEventStream(accept), stream);
  });
}
