import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { useSideways } from "./sideways.ts";
import { plural } from "./text.ts";

export interface Column<T> {
  title: string;
  /** What the head of the column shows instead of the title. */
  head?: ComponentChildren;
  cell(row: T): ComponentChildren;
  /** Whether the column contains numbers, which are aligned to the right. */
  number?: boolean;
  /** Whether the column contains sentences. It does not become narrower than a few words. */
  text?: boolean;
  /** Whether to hide it on a phone. */
  wide?: boolean;
}

const atFirst = 100;

/**
 * A table whose rows can be opened. If there are many rows, the first ones are drawn, and more on
 * demand.
 */
export function Table<T>(props: {
  label: string;
  columns: Column<T>[];
  rows: readonly T[];
  keyOf(row: T): string;
  hrefOf?(row: T): string;
  /** What a row shows when it is opened. */
  inside?(row: T): ComponentChildren;
}) {
  const { label, rows, keyOf, hrefOf, inside } = props;
  const sideways = useSideways<HTMLDivElement>();
  const [most, setMost] = useState(atFirst);
  const [open, setOpen] = useState<string | null>(null);
  // A column in which no row has anything, such as one for actions that nobody may take, is left out.
  const columns = props.columns.filter(
    ({ cell }) => rows.length === 0 || rows.some((row) => (cell(row) ?? false) !== false),
  );
  const classOf = ({ number, text, wide }: Column<T>) =>
    `${number ? "number" : ""} ${text ? "text" : ""} ${wide ? "wide" : ""}`;
  return (
    <div {...sideways} class="table-box sideways">
      <table aria-label={label}>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column.title} class={classOf(column)} scope="col">
                {column.head ?? column.title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, most).map((row) => {
            const key = keyOf(row);
            const target = hrefOf?.(row);
            const toggle = () => setOpen(open === key ? null : key);
            return [
              <tr
                key={key}
                class={target || inside ? "link" : ""}
                onClick={(event) => {
                  if (event.target instanceof Element && event.target.closest("a,button")) return;
                  if (target) location.hash = target;
                  else if (inside) toggle();
                }}
              >
                {columns.map((column, at) => (
                  <td key={column.title} class={classOf(column)}>
                    {at === 0 && target ? (
                      <a href={target}>{column.cell(row)}</a>
                    ) : at === 0 && inside ? (
                      <button
                        type="button"
                        class="plain"
                        aria-expanded={open === key}
                        onClick={toggle}
                      >
                        {column.cell(row)}
                      </button>
                    ) : (
                      column.cell(row)
                    )}
                  </td>
                ))}
              </tr>,
              open === key && inside && (
                <tr key={`${key} inside`} class="inside">
                  <td colSpan={columns.length}>{inside(row)}</td>
                </tr>
              ),
            ];
          })}
        </tbody>
      </table>
      {rows.length > most && (
        <button type="button" class="more" onClick={() => setMost(most + 500)}>
          Show {plural(rows.length - most, "more row")}
        </button>
      )}
    </div>
  );
}
