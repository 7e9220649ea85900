/**
 * Creating or modifying a listener in steps. What is typed on other steps goes along in hidden fields, so that steps
 * can be taken in any order and nothing is kept on the server.
 *
 * @module
 */

import { stringify } from "yaml";
import {
  ErrorSummary,
  Fields,
  type FormState,
  HEALTH_NAMES,
  HiddenFields,
  Part,
  POOL_NAMES,
  PoolHealth,
  PoolSettings,
  ServerRows,
  SpecField,
} from "../forms/parts.tsx";
import { listenerSettings, OWN_GROUP, OWN_POOL } from "../forms/listener_draft.ts";
import { LISTENER_BASIC, LISTENER_LIMITS, LISTENER_MORE, LISTENER_TLS } from "../forms/specs.ts";
import { typed } from "../forms/draft.ts";
import type { Note } from "../notes.ts";
import { AreaField, ChoiceField, ManyField, PersistField, TextField } from "../parts/fields.tsx";
import { FormToken, Heading } from "../parts/layout.tsx";
import type { Page, PageContext } from "../page.ts";
import { groupPath, listenerPath } from "../paths.ts";
import { Theirs } from "./theirs.tsx";

/** The steps, in their order. */
export const STEPS = [
  { key: "basic", title: "Basic configuration" },
  { key: "health", title: "Health check" },
  { key: "servers", title: "Bind servers" },
  { key: "review", title: "Review" },
] as const;

/** A step. */
export type StepKey = (typeof STEPS)[number]["key"];

/** A listener in the making. */
export interface ListenerForm extends FormState {
  /** The listener that is modified; `undefined` for a new one. */
  readonly name: string | undefined;
  /** What is modified, as the configuration says it. */
  readonly before: unknown;
  /** Stands for {@link before}; empty for a new one. */
  readonly etag: string;
  readonly step: StepKey;
  /** What is wrong and belongs to no field. */
  readonly others: readonly string[];
  /** What somebody else has made of it meanwhile. */
  readonly theirs?: unknown;
  readonly note?: Note;
}

/** Names that are no fields. */
const CONTROL = new Set(["go", "step", "etag", "form-token", "note", "persist"]);

const BASIC_NAMES: ReadonlySet<string> = new Set([
  ...[...LISTENER_BASIC, ...LISTENER_TLS, ...LISTENER_LIMITS, ...LISTENER_MORE].map(({ path }) => path),
  ...["name", "tags", "backendGroup", "tls.certificate", "tls.certificates", "tls.clientCA"],
  ...["accessControl.mode", "accessControl.groups", "acceptProxyProtocol.from"],
]);
const HEALTH_FIELDS: ReadonlySet<string> = new Set(HEALTH_NAMES.map((name) => OWN_POOL + name));
const SERVER_FIELDS: ReadonlySet<string> = new Set(POOL_NAMES.map((name) => OWN_POOL + name));

/** The step on which a field is. */
export function stepOf(name: string): StepKey {
  if (BASIC_NAMES.has(name)) return "basic";
  if (HEALTH_FIELDS.has(name)) return "health";
  if (SERVER_FIELDS.has(name) || name.startsWith(`${OWN_POOL}servers`)) return "servers";
  return name.startsWith(OWN_POOL) ? "servers" : "basic";
}

/** The page. */
export function listenerFormPage(context: PageContext, form: ListenerForm): Page {
  const { name, step } = form;
  const back = name === undefined ? "/listeners" : listenerPath(name);
  const title = name === undefined ? "Create listener" : `Modify ${name}`;
  const at = STEPS.findIndex(({ key }) => key === step);
  const usesGroup = typed(form.draft, "backendGroup") !== OWN_GROUP;
  const isShown = (field: string) =>
    CONTROL.has(field) && field !== "persist" || field === "persist" && step === "review" ||
    step !== "review" && !CONTROL.has(field) && stepOf(field) === step && !(usesGroup && step !== "basic");
  const next = STEPS[at + 1];
  const previous = STEPS[at - 1];
  return {
    title: `${title}: ${STEPS[at]?.title}`,
    section: "listeners",
    isLive: false,
    ...(form.note === undefined ? {} : { note: form.note }),
    body: (
      <>
        <Heading title={title} above={<a href={back}>{name ?? "Listeners"}</a>} />
        <ErrorSummary
          state={form}
          others={form.others}
          isShown={(field) => isShown(field) || stepOf(field) === step}
        />
        <form method="post" action={name === undefined ? "/new/listener" : `${back}/modify`} class="card stack">
          {/* What the Enter key means in a field. */}
          <button type="submit" name="go" value={next?.key ?? "save"} class="quiet" tabindex={-1} aria-hidden="true">
            Continue
          </button>
          <FormToken token={context.formToken} />
          <input type="hidden" name="step" value={step} />
          <input type="hidden" name="etag" value={form.etag} />
          <HiddenFields draft={form.draft} isShown={isShown} />
          <ol class="steps" aria-label="Steps">
            {STEPS.map(({ key, title }) => (
              <li>
                {key === step
                  ? <span aria-current="step">{title}</span>
                  : <button type="submit" name="go" value={key}>{title}</button>}
              </li>
            ))}
          </ol>
          {step === "basic" && <Basic context={context} form={form} />}
          {step === "health" &&
            (usesGroup ? <GroupHolds form={form} /> : <PoolHealth state={form} prefix={OWN_POOL} />)}
          {step === "servers" && (usesGroup ? <GroupHolds form={form} /> : (
            <>
              <ServerRows state={form} prefix={`${OWN_POOL}servers.`} />
              <PoolSettings state={form} prefix={OWN_POOL} context={context} />
            </>
          ))}
          {step === "review" && <Review context={context} form={form} />}
          <p class="buttons">
            {next === undefined
              ? (
                <button type="submit" name="go" value="save" class="primary">
                  {name === undefined ? "Create" : "Save"}
                </button>
              )
              : <button type="submit" name="go" value={next.key} class="primary">Continue: {next.title}</button>}
            {previous !== undefined && <button type="submit" name="go" value={previous.key}>Back</button>}
            <a class="button" href={back}>Cancel</a>
          </p>
        </form>
      </>
    ),
  };
}

function Basic({ context: { view }, form }: { readonly context: PageContext; readonly form: ListenerForm }) {
  const { draft, errors } = form;
  const value = (name: string) => typed(draft, name);
  const groups = [...view.model.groups.keys()];
  const certificates = [...view.model.certificates.keys()];
  const ipGroups = Object.keys(view.accepted.valid.config.ipGroups);
  const hasMore = [...LISTENER_LIMITS, ...LISTENER_MORE].some(({ path }) => (errors[path] ?? []).length > 0);
  const named = (names: readonly string[]) => names.map((one) => [one, one] as const);
  return (
    <>
      <div class="fields">
        {form.name === undefined
          ? (
            <TextField
              name="name"
              label="Name"
              value={value("name")}
              errors={errors["name"] ?? []}
              hint="Letters, digits, dots, dashes and underscores; unique."
              isRequired
            />
          )
          : (
            <div class="field">
              <span class="label">Name</span>
              <span>{form.name}</span>
              <input type="hidden" name="name" value={form.name} />
            </div>
          )}
        <Fields state={form} specs={LISTENER_BASIC} />
        <ChoiceField
          name="backendGroup"
          label="Servers"
          value={value("backendGroup")}
          errors={errors["backendGroup"] ?? []}
          hint="Those of a backend group, or servers of its own, which the next steps ask for."
          choices={[[OWN_GROUP, "of its own"], ...groups.map((one) => [one, `backend group ${one}`] as const)]}
        />
      </div>
      <Part title="TLS, for TCP SSL" when="protocol=TCP_SSL">
        <div class="fields">
          <ChoiceField
            name="tls.certificate"
            label="Certificate"
            value={value("tls.certificate")}
            errors={errors["tls.certificate"] ?? []}
            hint={
              <>
                The one for clients that ask for no other. <a href="/new/certificate">Upload one</a>
              </>
            }
            choices={[["", "choose…"], ...named(certificates)]}
          />
          <ChoiceField
            name="tls.clientCA"
            label="Client CA"
            value={value("tls.clientCA")}
            errors={errors["tls.clientCA"] ?? []}
            hint="Who must have signed the clients' certificates, for mutual authentication."
            choices={[["", "none"], ...named([...view.model.clientCAs.keys()])]}
          />
          <Fields state={form} specs={LISTENER_TLS} />
        </div>
        {certificates.length > 1 && (
          <ManyField
            name="tls.certificates"
            label="Further certificates"
            choices={certificates}
            chosen={draft.get("tls.certificates") ?? []}
            errors={errors["tls.certificates"] ?? []}
            hint="A client gets the one for the host name it asks for."
          />
        )}
      </Part>
      <Part title="Who may connect">
        <div class="fields">
          <ChoiceField
            name="accessControl.mode"
            label="Access control"
            value={value("accessControl.mode")}
            errors={errors["accessControl.mode"] ?? []}
            choices={[
              ["", "all addresses"],
              ["whitelist", "only the groups' addresses (whitelist)"],
              ["blacklist", "all but the groups' addresses (blacklist)"],
            ]}
          />
          <ManyField
            name="accessControl.groups"
            label="IP groups"
            choices={ipGroups}
            chosen={draft.get("accessControl.groups") ?? []}
            errors={errors["accessControl.groups"] ?? []}
          />
        </div>
      </Part>
      <AreaField
        name="tags"
        label="Tags"
        value={value("tags")}
        errors={errors["tags"] ?? []}
        rows={2}
        hint="One a line: key: value. Keys are unique."
      />
      <details class="more" open={hasMore}>
        <summary>Limits, timeouts and more</summary>
        <div class="fields">
          <Fields state={form} specs={LISTENER_LIMITS} />
          {LISTENER_MORE.map((spec) => <SpecField state={form} spec={spec} />)}
          <ManyField
            name="acceptProxyProtocol.from"
            label="PROXY protocol from clients"
            choices={ipGroups}
            chosen={draft.get("acceptProxyProtocol.from") ?? []}
            errors={errors["acceptProxyProtocol.from"] ?? []}
            hint="Groups of load balancers in front, whose headers are read. They must send one then."
          />
        </div>
      </details>
    </>
  );
}

function GroupHolds({ form }: { readonly form: ListenerForm }) {
  const group = typed(form.draft, "backendGroup");
  return (
    <p>
      The backend group <a href={groupPath(group)}>{group}</a>{" "}
      brings its servers and its health check. They are changed there, for every listener that uses it. For servers of
      the listener's own go back to the basic configuration.
    </p>
  );
}

function Review({ context, form }: { readonly context: PageContext; readonly form: ListenerForm }) {
  const { settings } = listenerSettings(form.draft, form.before);
  return (
    <>
      <p>
        {form.name === undefined
          ? "This is what the listener will be. It accepts connections as soon as it is created."
          : "This is what the listener will be. Only another address, port, protocol or IP translation opens it anew."}
      </p>
      <pre
        tabindex={0}
        aria-label="The listener as the configuration says it"
      >{stringify(settings, { lineWidth: 0 })}</pre>
      <Theirs settings={form.theirs} />
      <PersistField context={context} value={form.draft.get("persist")?.at(-1)} />
    </>
  );
}
