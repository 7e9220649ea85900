/**
 * Rows in columns that fit a width: columns that matter least go first, then long names are shortened. Pure.
 *
 * @module
 */

/** One column of a table. */
export interface Column<Row> {
  readonly title: string;
  readonly cell: (row: Row) => string;
  /** Numbers stand to the right. */
  readonly right?: boolean;
  /** The higher, the sooner it goes when there is no room; without it stays. */
  readonly dispensable?: number;
  /** Whether its cells may be shortened, down to {@link SHORTEST}. */
  readonly shrinks?: boolean;
}

/** Characters that are left of a shortened cell at least. */
const SHORTEST = 8;

const GAP = "  ";

/** The heading and a line for each row; none longer than `width`. */
export function layOut<Row>(columns: readonly Column<Row>[], rows: readonly Row[], width: number): string[] {
  let kept = columns.map((column) => {
    const cells = [column.title, ...rows.map((row) => clean(column.cell(row)))];
    return { column, cells, width: Math.max(...cells.map((cell) => cell.length)) };
  });
  const total = () => kept.reduce((sum, one) => sum + one.width, GAP.length * (kept.length - 1));
  const leaving = kept.filter(({ column }) => column.dispensable !== undefined)
    .sort((a, b) => (b.column.dispensable ?? 0) - (a.column.dispensable ?? 0));
  for (const one of leaving) {
    if (total() <= width) break;
    kept = kept.filter((other) => other !== one);
  }
  for (const one of kept.filter(({ column }) => column.shrinks === true)) {
    const excess = total() - width;
    if (excess > 0) one.width = Math.max(Math.min(SHORTEST, one.width), one.width - excess);
  }
  return ["", ...rows].map((_, index) =>
    shorten(
      kept.map(({ column, cells, width }) => {
        const cell = shorten(cells[index] ?? "", width);
        return column.right === true ? cell.padStart(width) : cell.padEnd(width);
      }).join(GAP).trimEnd(),
      width,
    )
  );
}

/** At most `width` characters, the last one saying that there were more. */
export function shorten(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`.slice(0, width);
}

/** What comes from elsewhere must not steer the terminal. */
function clean(text: string): string {
  return text.replace(/\p{Cc}/gu, "?");
}
