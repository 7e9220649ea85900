/**
 * The admin API over a real configuration in a folder of its own; only the listeners do not exist.
 *
 * @module
 */

import type { OpenAPIHono } from "@hono/zod-openapi";
import assert from "node:assert/strict";
import { createAdminApi } from "../../../src/admin/api.ts";
import { fileOrigin } from "../../../src/config/load.ts";
import { withOverride } from "../../../src/config/runtime.ts";
import { ConfigEditor } from "../../../src/control/config_editor.ts";
import { Reloader } from "../../../src/control/reload.ts";
import { WeirError } from "../../../src/errors.ts";
import { AdminBench } from "./bench.ts";

/** What the admin API answered. */
export interface Answer {
  readonly status: number;
  readonly etag: string | null;
  readonly headers: Headers;
  // deno-lint-ignore no-explicit-any -- tests look at parts of it that they know
  readonly body: any;
}

/** A program on a configuration, without its listeners. */
export class StoreBench implements AsyncDisposable {
  readonly folder: string;
  readonly file: string;
  readonly reloader: Reloader;
  readonly editor: ConfigEditor;
  readonly api: OpenAPIHono;
  readonly logged: string[] = [];
  /** What happened, in its order: what was prepared, committed and given up. */
  readonly steps: string[] = [];
  token = "";
  /** The step that fails. */
  failing: "prepare" | "commit" | undefined;

  private constructor(folder: string, name: string) {
    this.folder = folder;
    this.file = `${folder}/${name}`;
    this.reloader = new Reloader({
      origin: fileOrigin(this.file, () => undefined),
      log: (level, message) => this.logged.push(`${level} ${message}`),
      processors: 2,
      prepareNames: () => Promise.resolve({ addresses: new Map(), commit: () => {} }),
      prepareGeneral: () => Promise.resolve({ commit: () => Promise.resolve(), abort: () => Promise.resolve() }),
      prepareListeners: (changes) => {
        this.#step("prepare");
        this.steps.push(...changes.map((one) => `${one.kind} ${one.kind === "stop" ? one.name : one.plan.name}`));
        return Promise.resolve({
          commit: () => Promise.resolve().then(() => this.#step("commit")),
          abort: () => Promise.resolve(void this.steps.push("abort")),
        });
      },
    });
    this.editor = new ConfigEditor({
      accepted: () => this.reloader.accepted ?? assert.fail("nothing serves"),
      change: (request) => this.reloader.change(request),
    });
    const rest = new AdminBench();
    this.api = createAdminApi({
      view: () => {
        const { serving: model, accepted, last: lastReload, lastRenewal } = this.reloader;
        assert.ok(model !== undefined && accepted !== undefined);
        return { ...rest.runtime(), model, accepted, lastReload, lastRenewal };
      },
      reload: () => this.reloader.reload("api"),
      change: (request) => this.reloader.change(request),
      editor: this.editor,
      override: (scope, server, change) =>
        this.reloader.adjust((overrides, serving) => withOverride(overrides, scope, server, change, serving)),
      ...rest.replacement,
      takenOffer: null,
      token: () => this.token,
      events: rest.events,
      eventStreams: rest.eventStreams,
      log: (level, message) => this.logged.push(`${level} ${message}`),
    });
  }

  /** Writes the files and serves. */
  static async start(files: Readonly<Record<string, string>>, name = "weir.yaml"): Promise<StoreBench> {
    const folder = await Deno.makeTempDir({ prefix: "weir-test-" });
    const bench = new StoreBench(await Deno.realPath(folder), name);
    await bench.write(files);
    await bench.reloader.reload("start");
    bench.steps.length = 0;
    return bench;
  }

  /** Writes files beside the configuration. */
  async write(files: Readonly<Record<string, string>>): Promise<void> {
    for (const [name, content] of Object.entries(files)) {
      await Deno.writeTextFile(`${this.folder}/${name}`, content, { mode: 0o600 });
    }
  }

  /** Everything in the folder, by path; folders end with a slash. */
  files(folder = ""): Record<string, string> {
    const found: Record<string, string> = {};
    for (
      const entry of [...Deno.readDirSync(`${this.folder}/${folder}`)].toSorted((a, b) => a.name < b.name ? -1 : 1)
    ) {
      const path = folder + entry.name;
      if (entry.isDirectory) Object.assign(found, { [`${path}/`]: "" }, this.files(`${path}/`));
      else found[path] = Deno.readTextFileSync(`${this.folder}/${path}`);
    }
    return found;
  }

  /** Permission bits. */
  mode(path: string): string {
    return ((Deno.statSync(`${this.folder}/${path}`).mode ?? 0) & 0o777).toString(8);
  }

  /** Asks the API; texts are sent as they are, everything else as JSON. */
  async request(
    method: string,
    path: string,
    sent?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Response> {
    const body = sent === undefined ? undefined : typeof sent === "string" ? sent : JSON.stringify(sent);
    return await this.api.request(path, {
      method,
      headers: {
        host: "127.0.0.1:9900",
        "content-type": "application/json",
        ...(body === undefined ? {} : { "content-length": String(new TextEncoder().encode(body).length) }),
        ...headers,
      },
      ...(body === undefined ? {} : { body }),
    });
  }

  /** Calls the API. */
  async call(method: string, path: string, sent?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    const response = await this.request(method, path, sent, headers);
    const { status, headers: answered } = response;
    return { status, etag: answered.get("etag"), headers: answered, body: await response.json() };
  }

  /** The certificate that serves under a name. */
  served(name: string): { readonly certPem: string; readonly keyPem: string } | undefined {
    return this.reloader.accepted?.valid.certificates.get(name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.reloader.close();
    await Deno.remove(this.folder, { recursive: true });
  }

  #step(step: "prepare" | "commit"): void {
    this.steps.push(step);
    if (this.failing === step) throw new WeirError("worker_failed", `${step} failed`);
  }
}
