/**
 * Fields of forms: each with its label, a hint, and what is wrong with what was typed.
 *
 * @module
 */

import type { Child } from "hono/jsx";
import type { PageContext } from "../page.ts";

/** What all fields have. */
export interface FieldProps {
  /** Unique in the form. */
  readonly name: string;
  readonly label: Child;
  readonly value: string;
  readonly hint?: Child;
  /** What is wrong with the value. */
  readonly errors?: readonly string[];
  readonly isRequired?: boolean;
}

/** An id that a field's name makes. */
export function fieldId(name: string): string {
  return `f-${name.replaceAll(/[^A-Za-z0-9_-]/g, "_")}`;
}

/** Attributes that tie a field to its hint and errors. */
export function described({ name, hint, errors = [] }: Pick<FieldProps, "name" | "hint" | "errors">) {
  const id = fieldId(name);
  const by = [...(errors.length > 0 ? [`${id}-error`] : []), ...(hint === undefined ? [] : [`${id}-hint`])];
  return {
    id,
    name,
    "aria-describedby": by.length === 0 ? undefined : by.join(" "),
    "aria-invalid": errors.length > 0 ? "true" : undefined,
  };
}

/** What stands below a field. */
export function FieldNotes({ name, hint, errors = [] }: Pick<FieldProps, "name" | "hint" | "errors">) {
  const id = fieldId(name);
  return (
    <>
      {errors.length > 0 && (
        <p class="error" id={`${id}-error`}>
          {errors.map((text) => <span class="block">{text}</span>)}
        </p>
      )}
      {hint !== undefined && <p class="hint" id={`${id}-hint`}>{hint}</p>}
    </>
  );
}

/** A line of text. */
export function TextField(
  { kind = "text", placeholder, suggestions, ...field }: FieldProps & {
    readonly kind?: "text" | "number";
    readonly placeholder?: string | undefined;
    /** Values to choose from, if one likes. */
    readonly suggestions?: readonly string[];
  },
) {
  const attributes = described(field);
  const list = suggestions === undefined ? undefined : `${attributes.id}-list`;
  return (
    <div class="field">
      <label for={attributes.id}>
        {field.label}
        {field.isRequired === true && <span class="needed">required</span>}
      </label>
      <input
        {...attributes}
        type="text"
        inputmode={kind === "number" ? "numeric" : undefined}
        value={field.value}
        placeholder={placeholder}
        list={list}
        autocomplete="off"
        spellcheck={false}
      />
      {suggestions !== undefined && (
        <datalist id={list}>{suggestions.map((value) => <option value={value}></option>)}</datalist>
      )}
      <FieldNotes {...field} />
    </div>
  );
}

/** Several lines of text. */
export function AreaField({ rows = 4, placeholder, ...field }: FieldProps & {
  readonly rows?: number;
  readonly placeholder?: string | undefined;
}) {
  const attributes = described(field);
  return (
    <div class="field wide">
      <label for={attributes.id}>
        {field.label}
        {field.isRequired === true && <span class="needed">required</span>}
      </label>
      {/* A first line break is taken away by the browser. */}
      <textarea {...attributes} rows={rows} placeholder={placeholder} autocomplete="off" spellcheck={false}>
        {`\n${field.value}`}
      </textarea>
      <FieldNotes {...field} />
    </div>
  );
}

/** One of a few values. */
export function ChoiceField({ choices, ...field }: FieldProps & {
  readonly choices: readonly (readonly [value: string, title: string])[];
}) {
  const isKnown = choices.some(([value]) => value === field.value);
  return (
    <div class="field">
      <label for={fieldId(field.name)}>
        {field.label}
        {field.isRequired === true && <span class="needed">required</span>}
      </label>
      <select {...described(field)}>
        {!isKnown && <option value={field.value} selected>{field.value === "" ? "choose…" : field.value}</option>}
        {choices.map(([value, title]) => <option value={value} selected={value === field.value}>{title}</option>)}
      </select>
      <FieldNotes {...field} />
    </div>
  );
}

/** Any of several values; what was chosen is a list. */
export function ManyField({ choices, chosen, ...field }: Omit<FieldProps, "value"> & {
  readonly choices: readonly string[];
  readonly chosen: readonly string[];
}) {
  const all = [...new Set([...choices, ...chosen])];
  const id = fieldId(field.name);
  const { "aria-describedby": by } = described(field);
  return (
    <fieldset class="field" aria-describedby={by}>
      <legend>{field.label}</legend>
      {all.length === 0 ? <p class="empty">There are none yet.</p> : (
        <div class="checks" id={id}>
          {all.map((value) => (
            <label class="check">
              <input type="checkbox" name={field.name} value={value} checked={chosen.includes(value)} />
              <span>{value}</span>
            </label>
          ))}
        </div>
      )}
      <FieldNotes {...field} />
    </fieldset>
  );
}

/** Whether a change is saved, said in every form that changes the configuration. */
export function PersistField({ context, value }: {
  readonly context: PageContext;
  /** What was chosen; `undefined` as `admin.persist` says. */
  readonly value: string | undefined;
}) {
  const isSaved = context.unsaveable === null &&
    (value === undefined ? context.view.model.admin.persist : value === "true");
  return (
    <div class="field wide">
      {/* What an empty box does not send. */}
      <input type="hidden" name="persist" value="false" />
      <label class="check">
        <input
          type="checkbox"
          name="persist"
          value="true"
          checked={isSaved}
          disabled={context.unsaveable !== null}
          aria-describedby="persist-hint"
        />
        <span>Save to the configuration file</span>
      </label>
      <p class="hint" id="persist-hint">
        {context.unsaveable ?? "Without it the change serves until the next reload."}
      </p>
    </div>
  );
}

/** What a form says about saving. */
export function persistOf(texts: ReadonlyMap<string, readonly string[]>): boolean {
  return texts.get("persist")?.includes("true") === true;
}
