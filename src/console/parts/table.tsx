/**
 * Tables, which become lists of cards on a narrow screen. The roles are written out because such a style would
 * otherwise hide from screen readers that it is a table.
 *
 * @module
 */

import type { Child } from "hono/jsx";

/** A column. */
export interface Column {
  readonly title: string;
  /** Numbers stand at the right. */
  readonly isNumber?: boolean;
  /** Its title is for screen readers only. */
  readonly isQuiet?: boolean;
}

/** A table. */
export interface TableProps {
  /** What it lists, for screen readers. */
  readonly caption: string;
  readonly columns: readonly Column[];
  /** A cell for each column; the first names the row. */
  readonly rows: readonly (readonly Child[])[];
  /** What stands there when there are no rows. */
  readonly empty: Child;
}

/** A table, or the reason why there is none. */
export function Table({ caption, columns, rows, empty }: TableProps) {
  if (rows.length === 0) return <p class="empty">{empty}</p>;
  return (
    <table role="table">
      <caption class="quiet">{caption}</caption>
      <thead role="rowgroup">
        <tr role="row">
          {columns.map(({ title, isNumber, isQuiet }) => (
            <th role="columnheader" scope="col" class={isNumber === true ? "number" : ""}>
              {isQuiet === true ? <span class="quiet">{title}</span> : title}
            </th>
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup">
        {rows.map((cells) => (
          <tr role="row">
            {cells.map((cell, index) => {
              const { title = "", isNumber = false, isQuiet = false } = columns[index] ?? {};
              const label = isQuiet ? undefined : title;
              const style = isNumber ? "number" : "";
              return index === 0
                ? <th role="rowheader" scope="row" class={style} data-label={label}>{cell}</th>
                : <td role="cell" class={style} data-label={label}>{cell}</td>;
            })}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Names and values. */
export function Facts({ facts }: { readonly facts: readonly (readonly [name: string, value: Child])[] }) {
  return (
    <dl class="facts">
      {facts.map(([name, value]) => (
        <div>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
