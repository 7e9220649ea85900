/**
 * The admin API over a running program that exists only in this test: a real configuration, real boards, no sockets.
 *
 * @module
 */

import type { OpenAPIHono } from "@hono/zod-openapi";
import { type AdminDependencies, createAdminApi } from "../../../src/admin/api.ts";
import type { ReplacementDependencies } from "../../../src/admin/replacement.ts";
import type { Offer } from "../../../src/control/succession.ts";
import type { RuntimeView } from "../../../src/admin/views.ts";
import { WeirError } from "../../../src/errors.ts";
import { acceptedFrom } from "../../../src/config/accepted.ts";
import { BoardRegistry } from "../../../src/board/registry.ts";
import type { Model } from "../../../src/config/model.ts";
import { resolveModel } from "../../../src/config/resolve.ts";
import { type Overrides, withOverride } from "../../../src/config/runtime.ts";
import { parseSource } from "../../../src/config/source.ts";
import { validateConfig } from "../../../src/config/validate.ts";
import type { ReloadReport } from "../../../src/control/change_reports.ts";
import { EventStreams } from "../../../src/admin/event_streams.ts";
import { ConfigEditor } from "../../../src/control/config_editor.ts";
import { EventLog } from "../../../src/control/event_log.ts";
import { FakeClock } from "../fake_clock.ts";
import { testCertificate } from "../../support/certificates.ts";

/** Two listeners over one named group, one of them TCP-SSL, and one with a group of its own. */
const CONFIG = `
certificates:
  www: { certFile: www.pem, keyFile: www.key }
  spare: { certFile: www.pem, keyFile: www.key }
backendGroups:
  web:
    slowStart: 60
    servers:
      - { address: 10.0.0.11, port: 80, weight: 10 }
      - { address: 10.0.0.12, port: 80, weight: 0, backup: true }
  named:
    servers:
      - { address: app.internal, port: 80, weight: 5 }
      - { address: lost.internal, port: 80 }
  idle:
    algorithm: wlc
    servers: []
    healthCheck: { enabled: false }
listeners:
  - { name: front, protocol: TCP, port: 8000, backendGroup: web, tags: { env: prod }, description: front door }
  - { name: safe, protocol: TCP_SSL, port: 9000, backendGroup: web, tls: { certificate: www } }
  - name: own
    protocol: TCP
    address: "::"
    port: 8001
    backends: { servers: [{ address: "2001:db8::1", port: 80 }], backendTls: { serverName: app.internal } }
`;

const { certPem, keyPem } = await testCertificate();

const valid = validateConfig(parseSource("weir.yaml", CONFIG, "yaml"), {
  environment: () => undefined,
  readFile: (path) => path === "www.pem" ? certPem : keyPem,
  fileMode: () => null,
  kindOf: () => null,
  now: new Date(),
});

/** What is known of the host names of the configuration above. */
const NAMES: RuntimeView["names"] = new Map([
  ["app.internal", { addresses: ["10.0.0.21", "10.0.0.22"], error: null, checkedAt: "2026-11-20T12:59:00.000Z" }],
  ["lost.internal", { addresses: [], error: "not known", checkedAt: "2026-11-20T12:59:00.000Z" }],
]);

/** The configuration above, resolved. */
export function testModel(overrides: Overrides = new Map()): Model {
  return resolveModel(valid, {
    addresses: new Map([...NAMES].map(([name, { addresses }]) => [name, addresses])),
    overrides,
    processors: 1,
  });
}

/** A report of a reload that changed something. */
export const REPORT: ReloadReport = {
  at: "2026-11-20T13:00:00.000Z",
  trigger: "api",
  changes: [{ listener: "front", action: "update", settings: ["idleTimeout"] }],
  general: ["log"],
  warnings: [{ file: "weir.yaml", line: 3, column: 5, path: "backendGroups.idle", message: "has no servers" }],
};

/** What this process is told by the one that it replaces. */
export const TAKEN_OFFER = "the-offer-taken";

/** What a process says that another one is to replace. */
export const OFFER: Offer = {
  id: "the-offer",
  process: 4711,
  version: "1.2.3",
  places: [{ address: "0.0.0.0", ports: [{ first: 80, last: 80 }, { first: 90, last: 99 }] }],
  admin: { address: "::1", port: 9900 },
  drained: [{ scope: { kind: "group", name: "web" }, server: "10.0.0.1:80" }],
  watchdogMicroseconds: null,
};

/** An admin API and the program that it believes to see. */
export class AdminBench {
  readonly boards = new BoardRegistry();
  model: Model = testModel();
  #overrides: Overrides = new Map();
  readonly api: OpenAPIHono;
  readonly logged: string[] = [];
  token = "";
  /** What the time is, in milliseconds since 1970. */
  now = Date.UTC(2026, 10, 20, 13);
  readonly clock = new FakeClock();
  readonly events = new EventLog(() => this.now);
  readonly eventStreams = new EventStreams({ events: this.events, every: this.clock.every });
  reload: AdminDependencies["reload"] = () => Promise.resolve(REPORT);
  override: AdminDependencies["override"] = (scope, server, change) => {
    this.#overrides = withOverride(this.#overrides, scope, server, change, this.model);
    this.model = testModel(this.#overrides);
    return Promise.resolve();
  };
  change: AdminDependencies["change"] = () => Promise.reject(new Error("this program cannot be changed"));
  readonly replacement: ReplacementDependencies = {
    offerPlace: () => Promise.resolve(OFFER),
    withdrawOffer: (id) => this.#known(id, `withdrawn ${id}`),
    giveWay: (id, to) => this.#known(id, `process ${to.process}, ${to.version}, takes over by ${id}`),
  };
  /** Parts of the view that differ from a program where all is well. */
  view: Partial<RuntimeView> = {};
  /** Thrown instead of showing anything. */
  failure: Error | undefined;

  constructor() {
    for (const [name, plan] of this.model.listeners) {
      this.boards.provide(name, plan.pool.servers.map((server) => server.key));
    }
    this.api = createAdminApi({
      view: () => {
        if (this.failure !== undefined) throw this.failure;
        return { ...this.runtime(), ...this.view };
      },
      reload: () => this.reload(),
      override: (...change) => this.override(...change),
      ...this.replacement,
      change: (...request) => this.change(...request),
      editor: new ConfigEditor({
        accepted: () => acceptedFrom(valid),
        change: (...request) => this.change(...request),
      }),
      token: () => this.token,
      events: this.events,
      eventStreams: this.eventStreams,
      log: (_level, message) => this.logged.push(message),
      takenOffer: TAKEN_OFFER,
    });
  }

  #known(id: string, done: string): void {
    if (id !== OFFER.id) throw new WeirError("no_such_replacement", `Nothing is known of "${id}"`);
    this.logged.push(done);
  }

  /** Asks the API; the Host header is a loopback address unless the test gives another. */
  async request(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    if (!headers.has("host")) headers.set("host", "127.0.0.1:9900");
    return await this.api.request(path, { ...init, headers });
  }

  /** The program as it is when all is well. */
  runtime(): RuntimeView {
    return {
      version: "1.2.3",
      startedAt: new Date("2026-11-20T12:00:00Z"),
      takenAt: new Date(this.now),
      configFile: "weir.yaml",
      accepted: acceptedFrom(valid),
      model: this.model,
      boards: this.boards,
      lastReload: { ok: true, report: REPORT },
      lastRenewal: undefined,
      accessLogDropped: 3,
      workers: { running: 3, restarts: 1 },
      draining: 0,
      drains: [],
      workerDeaths: new Map([["error", 0], ["hung", 1]]),
      capacity: { open: 0, most: null },
      ready: true,
      names: NAMES,
      threadsOf: () => [{ worker: 1, state: "accepting" }],
      stateOf: (listener) => this.model.listeners.has(listener) ? "accepting" : undefined,
      healthOf: () => ({
        probeError: "connection refused",
        lastChange: { at: "2026-11-20T12:30:00.000Z", from: "Unknown", to: "Abnormal", reason: "3 probes failed" },
      }),
    };
  }
}
