/**
 * The console over a real configuration in a folder of its own; only the listeners do not exist.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { RuntimeView } from "../../../src/admin/views.ts";
import { withOverride } from "../../../src/config/runtime.ts";
import { type ConsoleApp, createConsole } from "../../../src/console/console.tsx";
import { LiveStreams, TICK_MS } from "../../../src/console/live_streams.ts";
import { RateHistory } from "../../../src/console/rate_history.ts";
import { AdminBench } from "../admin/bench.ts";
import { StoreBench } from "../admin/store_bench.ts";
import { FakeClock } from "../fake_clock.ts";

/** What the console answered. */
export interface Shown {
  readonly status: number;
  readonly headers: Headers;
  readonly html: string;
  /** Where it leads to; `null` when nowhere. */
  readonly location: string | null;
}

/** A configuration with one of everything, and nothing to look up. */
export const CONFIG = `# The shop
ipGroups:
  office: [192.0.2.0/24, "2001:db8::/32"]
backendGroups:
  web: # two of them
    servers:
      - { address: 10.0.0.11, port: 80, weight: 10 }
      - { address: 10.0.0.12, port: 80, weight: 5 }
  spare: { servers: [{ address: 10.0.0.13, port: 80 }] }
listeners:
  - { name: front, protocol: TCP, port: 8000, backendGroup: web, tags: { env: prod }, description: front door }
  - { name: own, protocol: TCP, port: 8001, backends: { servers: [{ address: 10.0.0.14, port: 80 }] } }
`;

/** The console of a program. */
export class ConsoleBench implements AsyncDisposable {
  readonly store: StoreBench;
  readonly admin = new AdminBench();
  readonly clock = new FakeClock();
  /** The time of live pages, which goes by itself. */
  readonly ticks = new FakeClock();
  readonly streams = new LiveStreams({ events: this.admin.events, every: this.ticks.every });
  readonly rates: RateHistory;
  readonly console: ConsoleApp;
  readonly logged: string[] = [];
  token = "";
  /** Parts of the view that differ from a program where all is well. */
  view: Partial<RuntimeView> = {};
  /** The address that requests come from. */
  from = "192.0.2.1";
  #cookie: string | undefined;

  private constructor(store: StoreBench, unsaveable: string | null) {
    this.store = store;
    const { reloader } = store;
    this.rates = new RateHistory({
      counters: () =>
        [...reloader.serving?.listeners.keys() ?? []].flatMap((name) => {
          const counted = this.admin.boards.listener(name)?.traffic();
          return counted === undefined ? [] : [[name, counted] as const];
        }),
      now: this.clock.now,
    });
    this.console = createConsole({
      view: () => this.runtime(),
      reload: () => reloader.reload("api"),
      change: (request) => reloader.change(request),
      editor: store.editor,
      override: (scope, server, change) =>
        reloader.adjust((overrides, serving) => withOverride(overrides, scope, server, change, serving)),
      token: () => this.token,
      unsaveable,
      events: this.admin.events,
      rates: this.rates,
      streams: this.streams,
      log: (level, message) => this.logged.push(`${level} ${message}`),
      now: this.clock.now,
    });
  }

  /** Writes the configuration, with files beside it, and serves. */
  static async start(
    config = CONFIG,
    files: Readonly<Record<string, string>> = {},
    unsaveable: string | null = null,
  ): Promise<ConsoleBench> {
    const bench = new ConsoleBench(await StoreBench.start({ ...files, "weir.yaml": config }), unsaveable);
    for (const [name, plan] of bench.store.reloader.serving?.listeners ?? []) {
      bench.admin.boards.provide(name, plan.pool.servers.map(({ key }) => key));
    }
    return bench;
  }

  /** The program as the console sees it. */
  runtime(): RuntimeView {
    const { serving: model, accepted, last: lastReload, lastRenewal } = this.store.reloader;
    assert.ok(model !== undefined && accepted !== undefined);
    return {
      ...this.admin.runtime(),
      model,
      accepted,
      lastReload,
      lastRenewal,
      stateOf: (name) => model.listeners.has(name) ? "accepting" : undefined,
      ...this.view,
    };
  }

  /** Asks for something, with the session's cookie. */
  async ask(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    if (!headers.has("host")) headers.set("host", "127.0.0.1:9900");
    if (this.#cookie !== undefined && !headers.has("cookie")) headers.set("cookie", this.#cookie);
    const response = await this.console.request(`http://127.0.0.1:9900${path}`, { ...init, headers }, {
      address: this.from,
    });
    const given = response.headers.get("set-cookie");
    if (given !== null) this.#cookie = given.split(";", 1)[0];
    return response;
  }

  /** A page. */
  async get(path: string, headers: Record<string, string> = {}): Promise<Shown> {
    return shownBy(await this.ask(path, { headers }));
  }

  /** Sends a form with the token of a page that was opened before. */
  async post(path: string, fields: Readonly<Record<string, string | readonly string[]>> = {}): Promise<Shown> {
    const formToken = /name="form-token" value="([^"]+)"/.exec((await this.get("/")).html)?.[1] ?? "";
    return await this.send(path, { "form-token": formToken, ...fields });
  }

  /** Sends a form as it is. */
  async send(
    path: string,
    fields: Readonly<Record<string, string | readonly string[]>>,
    headers: Record<string, string> = {},
  ): Promise<Shown> {
    const body = new URLSearchParams(
      Object.entries(fields).flatMap(([name, value]) =>
        typeof value === "string" ? [[name, value]] : value.map((one) => [name, one])
      ),
    );
    return shownBy(await this.ask(path, { method: "POST", body, headers }));
  }

  /** The page that an answer leads to. */
  async follow({ location, status, html }: Shown): Promise<Shown> {
    assert.equal(status, 303, html);
    return await this.get(location ?? "");
  }

  /** Signs in. */
  signIn(token: string): Promise<Shown> {
    return this.send("/sign-in", { token });
  }

  /** Forgets the cookie, as another browser. */
  forget(): void {
    this.#cookie = undefined;
  }

  /** Live pages look again, as often as it says; who reads them has read all before. */
  async tick(times = 1): Promise<void> {
    for (let one = 0; one < times; one++) {
      await new Promise((resolve) => setTimeout(resolve, 0));
      this.ticks.advance(TICK_MS);
    }
  }

  /** The configuration's file. */
  get file(): string {
    return this.store.files()["weir.yaml"] ?? "";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.streams.close();
    await this.store[Symbol.asyncDispose]();
  }
}

async function shownBy(response: Response): Promise<Shown> {
  const { status, headers } = response;
  return { status, headers, html: await response.text(), location: headers.get("location") };
}
