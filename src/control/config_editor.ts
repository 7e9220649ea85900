/**
 * Reading and changing the entries of the configuration that serves: what the admin API and the console are made of.
 * Every change goes the way of a reload (validated as a whole, all of it or nothing), is saved to the file or not, and
 * is made only while what was read still holds.
 *
 * ```ts
 * const listener = { kind: "listener", name: "web" } as const;
 * const { settings, etag } = editor.read(listener);
 * await editor.put(listener, { ...settings, idleTimeout: 60 }, { ifMatch: etag, persist: true });
 * ```
 *
 * @module
 */

import type { AcceptedConfig } from "../config/accepted.ts";
import {
  deleteEntry,
  type EntryKind,
  entryNames,
  type EntryRef,
  entryTitle,
  entryUsers,
  putEntry,
  settingsOf,
} from "../config/entries.ts";
import { withoutWeights } from "../config/runtime.ts";
import {
  bindServers,
  deleteServer,
  findServer,
  ownedGroup,
  putServer,
  serverEntries,
  type ServerOwner,
  weighServer,
} from "../config/server_entries.ts";
import type { ConfigPath } from "../config/source.ts";
import type { ValidConfig } from "../config/validate.ts";
import { putConfig } from "../config/whole_config.ts";
import { WeirError } from "../errors.ts";
import type { ChangeReport, RequestedChange } from "./change_reports.ts";
import {
  type BoundServer,
  boundServer,
  capital,
  type Entry,
  entryOf,
  ownerTitle,
  refOf,
  scopeOf,
  serverIn,
  settingsIn,
} from "./config_entries.ts";
import { checkPreconditions, etagOf, type Preconditions } from "./preconditions.ts";

export type { BoundServer, Entry } from "./config_entries.ts";

/** What the editor works on. */
export interface EditorContext {
  /** The configuration that serves. */
  accepted(): AcceptedConfig;
  /** Makes a change serve; throws when it cannot. @param done says what was done, for the log */
  change(request: () => RequestedChange, done: () => string): Promise<ChangeReport>;
}

/** How a change is made. */
export interface ChangeOptions extends Preconditions {
  /** Whether it is saved to the file; without it `admin.persist` says. */
  readonly persist?: boolean | undefined;
  /** Where the settings stand in what somebody sent, for the problems' `requestPath`; the whole of it without this. */
  readonly request?: ConfigPath;
}

/** What putting an entry did. */
export interface PutReport extends ChangeReport {
  /** Whether there was none of that name before. */
  readonly created: boolean;
}

/** What putting a server did. */
export interface PutServerReport extends PutReport {
  /** Its entry as it is now; it may go by another name. */
  readonly server: BoundServer;
}

/** Reads and changes entries. */
export class ConfigEditor {
  readonly #context: EditorContext;

  /** @param context what it works on */
  constructor(context: EditorContext) {
    this.#context = context;
  }

  /** All entries of a kind, in the order of the file. */
  list(kind: EntryKind): Entry[] {
    const { valid } = this.#context.accepted();
    return entryNames(valid, kind).map((name) => entryOf(name, settingsOf(valid, { kind, name })));
  }

  /** One entry. @throws {WeirError} `no_such_listener`, `no_such_backend_group` or `no_such_ip_group` */
  read(ref: EntryRef): Entry {
    return entryOf(ref.name, settingsIn(this.#context.accepted().valid, ref));
  }

  /** The listeners that use an entry; it can be deleted when there are none. */
  usersOf(ref: EntryRef): string[] {
    return entryUsers(this.#context.accepted().valid, ref);
  }

  /**
   * Creates an entry that is not there yet.
   *
   * @throws {WeirError} `already_exists`; and as {@link put}
   */
  create(ref: EntryRef, settings: unknown, options: ChangeOptions = {}): Promise<PutReport> {
    return this.#put(ref, settings, options, () => {
      if (settingsOf(this.#context.accepted().valid, ref) === undefined) return;
      throw new WeirError("already_exists", `There is a ${entryTitle(ref)} already; change that, or take another name`);
    });
  }

  /**
   * Creates an entry, or puts other settings in its place: what is not given is not set any more. Weights that were set
   * for its servers at run time end; what is drained stays drained.
   *
   * @param settings as the file would say them; checked here
   * @throws {ConfigError} when the configuration would not be valid; each problem has its `requestPath` in `settings`
   * @throws {WeirError} `precondition_failed`, `config_changed`, `not_saveable`, `write_failed`, or as a reload
   */
  put(ref: EntryRef, settings: unknown, options: ChangeOptions = {}): Promise<PutReport> {
    return this.#put(ref, settings, options, () => {});
  }

  /**
   * Takes out an entry that nobody uses. A listener stops accepting and drains.
   *
   * @throws {WeirError} `no_such_listener` and so on, `in_use`; and as {@link put}
   */
  delete(ref: EntryRef, options: ChangeOptions = {}): Promise<ChangeReport> {
    return this.#context.change(() => {
      const { valid } = this.#context.accepted();
      checkPreconditions(options, etagOf(settingsIn(valid, ref)));
      const users = entryUsers(valid, ref);
      if (users.length > 0) {
        const who = `listener${users.length === 1 ? "" : "s"} ${users.map((user) => `"${user}"`).join(", ")}`;
        throw new WeirError("in_use", `${capital(entryTitle(ref))} is used by ${who}`);
      }
      return { persist: this.#persists(options), make: deleteEntry(ref) };
    }, () => `${capital(entryTitle(ref))} was deleted`);
  }

  /** The entries of a group's servers, in their order. @throws {WeirError} as {@link readServer}, without a server */
  servers(owner: ServerOwner): BoundServer[] {
    const valid = this.#valid(owner);
    return serverEntries(valid, owner).map(boundServer);
  }

  /**
   * One entry of a group's servers.
   *
   * @param owner a named group, or a listener that has its group in place (`backends`)
   * @param server what one of its servers is called (`10.0.0.11:80`), or its address alone
   * @throws {WeirError} `no_such_server`, `no_such_backend_group`, `no_such_listener`; `in_use` for a listener that uses
   * a named group, whose servers are to be changed there
   */
  readServer(owner: ServerOwner, server: string): BoundServer {
    return boundServer(serverIn(this.#valid(owner), owner, server));
  }

  /** Binds servers: adds them after the last one. @param given an entry of `servers`, or a list of them */
  bind(owner: ServerOwner, given: unknown, options: ChangeOptions = {}): Promise<ChangeReport> {
    return this.#context.change(() => {
      const valid = this.#valid(owner);
      checkPreconditions(options, etagOf(serverEntries(valid, owner).map(({ settings }) => settings)));
      return { persist: this.#persists(options), make: bindServers(owner, given) };
    }, () => `${ownerTitle(owner)} got servers`);
  }

  /**
   * Puts other settings in the place of an entry of a group's servers, or binds one. A weight that was set for it at run
   * time ends. Throws as {@link readServer} and {@link put}.
   */
  async putServer(
    owner: ServerOwner,
    server: string,
    settings: unknown,
    options: ChangeOptions = {},
  ): Promise<PutServerReport> {
    let index = 0;
    let created = false;
    const report = await this.#context.change(() => {
      const valid = this.#valid(owner);
      const found = findServer(valid, owner, server);
      checkPreconditions(options, found === undefined ? undefined : etagOf(found.settings));
      created = found === undefined;
      index = found?.index ?? serverEntries(valid, owner).length;
      return {
        persist: this.#persists(options),
        make: putServer(owner, server, settings),
        adjust: (overrides, serving) => withoutWeights(overrides, owner, serving, found?.names ?? []),
      };
    }, () => `Server ${server} of ${entryTitle(refOf(owner))} was ${created ? "bound" : "changed"}`);
    const entry = this.servers(owner)[index];
    // Changes take turns: in the one after, it may have gone.
    if (entry === undefined) throw new WeirError("no_such_server", `Server ${server} was taken out in the meantime`);
    return { ...report, created, server: entry };
  }

  /**
   * Unbinds a server: takes its entry out, or its port of an entry with several. It gets nothing new and keeps the
   * connections that it has. Throws as {@link readServer} and {@link put}.
   */
  deleteServer(owner: ServerOwner, server: string, options: ChangeOptions = {}): Promise<ChangeReport> {
    return this.#context.change(() => {
      const { settings } = serverIn(this.#valid(owner), owner, server);
      checkPreconditions(options, etagOf(settings));
      return { persist: this.#persists(options), make: deleteServer(owner, server) };
    }, () => `Server ${server} of ${entryTitle(refOf(owner))} was unbound`);
  }

  /**
   * Gives a server another weight in the configuration, and nothing else. Throws as {@link readServer} and {@link put}.
   *
   * @param weight 0-100
   */
  weigh(owner: ServerOwner, server: string, weight: number, options: ChangeOptions = {}): Promise<ChangeReport> {
    return this.#context.change(() => {
      const { settings, names } = serverIn(this.#valid(owner), owner, server);
      checkPreconditions(options, etagOf(settings));
      return {
        persist: this.#persists(options),
        make: weighServer(owner, server, weight, settings),
        adjust: (overrides, serving) =>
          withoutWeights(overrides, owner, serving, [server, ...names.length === 1 ? names : []]),
      };
    }, () => `Server ${server} of ${entryTitle(refOf(owner))} has weight ${weight}`);
  }

  /**
   * Puts another configuration in the place of the whole. What is given as `GET /v1/config` shows it stays as the file
   * has it, the masked token as well. Throws as {@link put}.
   *
   * @param etag that of the configuration, in its turn
   */
  putConfig(given: unknown, etag: () => string, options: ChangeOptions = {}): Promise<ChangeReport> {
    return this.#context.change(() => {
      checkPreconditions(options, etag());
      return { persist: this.#persists(options), make: putConfig(given, this.#context.accepted().valid) };
    }, () => "The configuration was replaced");
  }

  #put(ref: EntryRef, settings: unknown, options: ChangeOptions, check: () => void): Promise<PutReport> {
    let created = false;
    return this.#context.change(() => {
      check();
      const current = settingsOf(this.#context.accepted().valid, ref);
      checkPreconditions(options, current === undefined ? undefined : etagOf(current));
      created = current === undefined;
      return {
        persist: this.#persists(options),
        make: putEntry(ref, settings, options.request),
        adjust: (overrides, serving) =>
          ref.kind === "ipGroup" ? overrides : withoutWeights(overrides, scopeOf(ref), serving),
      };
    }, () => `${capital(entryTitle(ref))} was ${created ? "created" : "changed"}`).then((report) => ({
      ...report,
      created,
    }));
  }

  #persists({ persist }: ChangeOptions): boolean {
    return persist ?? this.#context.accepted().valid.config.admin.persist;
  }

  /** The configuration that serves, in which the owner has a group of its own. */
  #valid(owner: ServerOwner): ValidConfig {
    const { valid } = this.#context.accepted();
    settingsIn(valid, refOf(owner));
    if (ownedGroup(valid, owner) !== undefined) return valid;
    const group = valid.config.listeners.find(({ name }) => name === owner.name)?.backendGroup ?? "";
    throw new WeirError(
      "in_use",
      `${ownerTitle(owner)} uses backend group "${group}", maybe not alone; change the servers of that`,
    );
  }
}
