import { useState } from "preact/hooks";
import type { Column } from "./table.tsx";

/** The rows that a person has picked, for actions on several rows at once. */
export interface Picks {
  ids: readonly string[];
  set(ids: readonly string[]): void;
}

export function usePicks(): Picks {
  const [ids, set] = useState<readonly string[]>([]);
  return { ids, set };
}

/** The column with which rows are picked, one by one or all. */
export function pickColumn<T extends { id: string }>(
  { ids, set }: Picks,
  rows: readonly T[],
  labelOf: (row: T) => string,
): Column<T> {
  const all = rows.length > 0 && rows.every(({ id }) => ids.includes(id));
  return {
    title: "Pick",
    head: (
      <Box
        label={all ? "Pick none" : "Pick all"}
        isOn={all}
        onToggle={() => set(all ? [] : rows.map(({ id }) => id))}
      />
    ),
    cell: (row) => {
      const isOn = ids.includes(row.id);
      const others = ids.filter((id) => id !== row.id);
      const toggle = () => set(isOn ? others : [...ids, row.id]);
      return <Box label={labelOf(row)} isOn={isOn} onToggle={toggle} />;
    },
  };
}

const Box = (props: { label: string; isOn: boolean; onToggle(): void }) => (
  <button
    type="button"
    class="pick"
    title={props.label}
    aria-pressed={props.isOn}
    aria-label={props.label}
    onClick={props.onToggle}
  />
);
