import { useState } from "preact/hooks";
import type { Column } from "./table.tsx";

/** The rows that a person has picked, for what is done to several at once. */
export interface Picks {
  ids: readonly string[];
  toggle(id: string): void;
  clear(): void;
}

export function usePicks(): Picks {
  const [ids, setIds] = useState<readonly string[]>([]);
  return {
    ids,
    toggle: (id) =>
      setIds((before) =>
        before.includes(id) ? before.filter((one) => one !== id) : [...before, id],
      ),
    clear: () => setIds([]),
  };
}

/** The column with which rows are picked. */
export const pickColumn = <T extends { id: string }>(
  { ids, toggle }: Picks,
  title: string,
  labelOf: (row: T) => string,
): Column<T> => ({
  title,
  cell: (row) => (
    <button
      type="button"
      class="pick"
      aria-pressed={ids.includes(row.id)}
      aria-label={labelOf(row)}
      onClick={() => toggle(row.id)}
    />
  ),
});
