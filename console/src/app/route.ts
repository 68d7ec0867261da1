// Addresses are #/<tenant>/<page>/<more>?<filters>. They come after the #, so that any static host
// can serve them.
import { computed, signal } from "@preact/signals";
import { space } from "../session/session.ts";

export interface Route {
  tenant: string;
  page: string;
  /** The rest of the path, such as an agent's id. */
  rest: string[];
  query: URLSearchParams;
}

const hash = signal(location.hash);
addEventListener("hashchange", () => {
  hash.value = location.hash;
});

export const route = computed<Route>(() => {
  const [path = "", query = ""] = hash.value.replace(/^#\/?/, "").split("?");
  const [tenant = "", page = "now", ...rest] = path.split("/").map(decodeURIComponent);
  return { tenant, page: page || "now", rest, query: new URLSearchParams(query) };
});

/** The address of something in the open tenant: `href("agents", id)`. */
export function href(...path: string[]): string {
  const tenant = space.value?.tenant.id ?? "";
  return `#/${[tenant, ...path].map(encodeURIComponent).join("/")}`;
}

export function go(...path: string[]): void {
  location.hash = href(...path);
}

/**
 * Keeps a filter in the address, so that it survives a reload and can be shared. A value that is empty or null removes its filter.
 */
export function setQuery(values: Record<string, string | null>): void {
  const { tenant, page, rest, query } = route.value;
  const next = new URLSearchParams(query);
  for (const [name, value] of Object.entries(values))
    if (value) next.set(name, value);
    else next.delete(name);
  const path = [tenant, page, ...rest].map(encodeURIComponent).join("/");
  const text = next.size > 0 ? `?${next}` : "";
  history.replaceState(null, "", `#/${path}${text}`);
  hash.value = location.hash;
}
