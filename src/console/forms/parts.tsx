/**
 * Parts of forms that listeners and backend groups share.
 *
 * @module
 */

import type { Child } from "hono/jsx";
import type { PageContext } from "../page.ts";
import { ChoiceField, described, fieldId, FieldNotes, type FieldProps, TextField } from "../parts/fields.tsx";
import { type Draft, typed } from "./draft.ts";
import { rowsIn } from "./servers.ts";
import { type FieldSpec, labelOf, POOL_BASIC, POOL_HEALTH, POOL_TLS } from "./specs.ts";

/** What is typed, and what is wrong with it. */
export interface FormState {
  readonly draft: Draft;
  /** By the names of fields. */
  readonly errors: Readonly<Record<string, readonly string[]>>;
}

/** A field as its spec says. */
export function SpecField({ state, spec, prefix = "" }: {
  readonly state: FormState;
  readonly spec: FieldSpec;
  readonly prefix?: string;
}) {
  const { path, label, hint, kind, choices, isRequired } = spec;
  const name = prefix + path;
  const field = {
    name,
    label,
    value: typed(state.draft, name, spec.default),
    errors: state.errors[name] ?? [],
    isRequired,
    ...(hint === undefined ? {} : { hint }),
  };
  if (kind === "choice" || kind === "flag") return <ChoiceField {...field} choices={choices} />;
  return (
    <TextField
      {...field}
      kind={kind === "number" ? "number" : "text"}
      placeholder={spec.default === "" ? undefined : spec.default}
    />
  );
}

/** Fields beside each other. */
export function Fields({ state, specs, prefix = "" }: {
  readonly state: FormState;
  readonly specs: readonly FieldSpec[];
  readonly prefix?: string;
}) {
  return <>{specs.map((spec) => <SpecField state={state} spec={spec} prefix={prefix} />)}</>;
}

/** Fields under a heading. */
export function Part({ title, children, when, field }: {
  readonly title: string;
  readonly children?: Child;
  /** What is wrong with all of it together, as a field. */
  readonly field?: Pick<FieldProps, "name" | "hint" | "errors">;
  /** Shown while a field has a value: `protocol=TCP_SSL`; without script always. */
  readonly when?: string;
}) {
  return (
    <fieldset
      class="part"
      data-when={when}
      id={field === undefined ? undefined : fieldId(field.name)}
      aria-describedby={field === undefined ? undefined : described(field)["aria-describedby"]}
    >
      <legend>{title}</legend>
      {children}
    </fieldset>
  );
}

/** The names of every field that {@link PoolHealth} shows. */
export const HEALTH_NAMES = POOL_HEALTH.map(({ path }) => path);

/** How servers are checked. */
export function PoolHealth({ state, prefix }: { readonly state: FormState; readonly prefix: string }) {
  return (
    <Part title="Health check">
      <p class="hint">A connection attempt to the server's port, again and again.</p>
      <div class="fields">
        <Fields state={state} specs={POOL_HEALTH} prefix={prefix} />
      </div>
    </Part>
  );
}

/** How servers are picked and reached. */
export function PoolSettings({ state, prefix, context }: {
  readonly state: FormState;
  readonly prefix: string;
  readonly context: PageContext;
}) {
  const reach = typed(state.draft, `${prefix}reach`, "plain");
  const authorities = [...context.view.model.clientCAs.keys()];
  const name = `${prefix}backendTls.ca`;
  return (
    <>
      <Part title="How servers are picked">
        <div class="fields">
          <Fields state={state} specs={POOL_BASIC} prefix={prefix} />
        </div>
      </Part>
      <Part title="Connections to the servers">
        <div class="fields">
          <ChoiceField
            name={`${prefix}reach`}
            label="Encryption"
            value={reach}
            errors={state.errors[`${prefix}reach`] ?? []}
            hint="Whether servers get plain TCP or TLS."
            choices={[
              ["plain", "plain TCP"],
              ["tls", "TLS"],
              ...(reach === "off" ? [["off", "plain TCP, the settings are kept"] as const] : []),
            ]}
          />
        </div>
        <div class="fields" data-when={`${prefix}reach=tls`}>
          <Fields state={state} specs={POOL_TLS} prefix={prefix} />
          <ChoiceField
            name={name}
            label="Signed by"
            value={typed(state.draft, name)}
            errors={state.errors[name] ?? []}
            hint="Who must have signed the servers' certificates, an entry of the client CAs."
            choices={[["", "the public CAs"], ...authorities.map((one) => [one, one] as const)]}
          />
        </div>
      </Part>
    </>
  );
}

/** The names of every field that {@link PoolSettings} and {@link ServerRows} show. */
export const POOL_NAMES = ["reach", "backendTls.ca", ...[...POOL_BASIC, ...POOL_TLS].map(({ path }) => path)];

const ROWS_HINT = "An IPv4 or IPv6 address or a host name. Several ports make several servers: 80, 81, 82. Without a " +
  "port the default port holds, or each port of the listener. Rows that are left empty do not count.";

/** Servers in rows. */
export function ServerRows({ state, prefix }: { readonly state: FormState; readonly prefix: string }) {
  const rows = rowsIn(state.draft, prefix);
  const list = prefix.replace(/\.$/, "");
  const field = { name: list, errors: state.errors[list] ?? [], hint: ROWS_HINT };
  return (
    <Part title="Servers" field={field}>
      <FieldNotes {...field} />
      <input type="hidden" name={`${prefix}count`} value={String(rows.length)} />
      <div>
        {rows.map((row, index) => {
          const name = `${prefix}${index}.`;
          const what = <span class="quiet">of server {index + 1}</span>;
          return (
            <fieldset class="server-row">
              <legend class="quiet">Server {index + 1}</legend>
              <TextField
                name={`${name}address`}
                label={<>Address {what}</>}
                value={row.address}
                errors={state.errors[`${name}address`] ?? []}
              />
              <TextField
                name={`${name}port`}
                label={<>Port {what}</>}
                value={row.port}
                errors={state.errors[`${name}port`] ?? []}
              />
              <TextField
                name={`${name}weight`}
                label={<>Weight {what}</>}
                value={row.weight}
                kind="number"
                errors={state.errors[`${name}weight`] ?? []}
              />
              <label class="check">
                <input type="checkbox" name={`${name}backup`} value="true" checked={row.backup} />
                <span>Backup {what}</span>
              </label>
              <button type="submit" name="go" value={`remove-${index}`}>Remove {what}</button>
            </fieldset>
          );
        })}
      </div>
      <p>
        <button type="submit" name="go" value="add">Add a server</button>
      </p>
    </Part>
  );
}

/** What is typed on other steps. */
export function HiddenFields({ draft, isShown }: {
  readonly draft: Draft;
  readonly isShown: (name: string) => boolean;
}) {
  return (
    <>
      {[...draft].filter(([name]) => !isShown(name)).flatMap(([name, texts]) =>
        texts.map((text) => <input type="hidden" name={name} value={text} />)
      )}
    </>
  );
}

/** Fields that are wrong, with links to them, for who cannot see the whole form at once. */
export function ErrorSummary({ state, isShown, others }: {
  readonly state: FormState;
  readonly isShown: (name: string) => boolean;
  /** What belongs to no field. */
  readonly others: readonly string[];
}) {
  const here = Object.entries(state.errors).filter(([name, errors]) => isShown(name) && errors.length > 0);
  if (here.length === 0 && others.length === 0) return null;
  return (
    <div class="note" data-kind="error" role="alert" tabindex={-1}>
      <p>
        <strong>Not done:</strong> {here.length > 0 ? "some of it cannot be used." : "it was refused."}
      </p>
      <ul>
        {others.map((text) => <li>{text}</li>)}
        {here.flatMap(([name, errors]) =>
          errors.map((text) => (
            <li>
              <a href={`#${fieldId(name)}`}>{labelOf(name)}</a>: {text}
            </li>
          ))
        )}
      </ul>
    </div>
  );
}
