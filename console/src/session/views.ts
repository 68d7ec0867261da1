import { signal } from "@preact/signals";

/** A page with its filters, saved under a name in this browser. */
export interface View {
  tenant: string;
  /** The page and the rest of the path. */
  path: string[];
  /** The filters, sorted by name. */
  query: string;
  name: string;
}

const storageName = "mayfly-console:views";
/** The place of a view: its tenant, page and filters. Views with the same place are the same view. */
const placeOf = ({ tenant, path, query }: Omit<View, "name">) => [tenant, ...path, query].join("/");

export const views = signal<readonly View[]>(read());

function read(): View[] {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(storageName) ?? "[]");
    return Array.isArray(kept) ? kept.filter(isView) : [];
  } catch {
    return [];
  }
}

function isView(value: unknown): value is View {
  const { tenant, path, query, name } = Object(value) as Partial<View>;
  return [tenant, query, name].every((one) => typeof one === "string") && Array.isArray(path);
}

function keep(next: View[]): void {
  views.value = next;
  localStorage.setItem(storageName, JSON.stringify(next));
}

export const isSame = (one: Omit<View, "name">, other: Omit<View, "name">): boolean =>
  placeOf(one) === placeOf(other);

export const saveView = (view: View): void =>
  keep([...views.value.filter((one) => !isSame(one, view)), view]);

export const forgetView = (view: View): void =>
  keep(views.value.filter((one) => !isSame(one, view)));
