import { useState } from "preact/hooks";
import { href, route } from "../app/route.ts";
import { forgetView, isSame, saveView, type View, views } from "../session/views.ts";
import { Dialog } from "./dialog.tsx";
import { Form } from "./form.tsx";
import { Icon } from "./icon.tsx";
import { printable } from "./text.ts";

/** The filters of the page. Which item is open is not part of them. */
function filtersOf(query: URLSearchParams): string {
  const own = new URLSearchParams(query);
  own.delete("at");
  own.sort();
  return own.toString();
}

/** The address of a view. */
export const viewHref = ({ path, query }: Pick<View, "path" | "query">): string =>
  `${href(...path)}${query ? `?${query}` : ""}`;

/** The saved views of this page, and a button that saves the current filters as a new view. */
export function Views() {
  const { tenant, page, rest, query } = route.value;
  const [names, setNames] = useState(false);
  const here = { tenant, path: [page, ...rest], query: filtersOf(query) };
  const own = views.value.filter(
    (view) => view.tenant === tenant && view.path.join("/") === here.path.join("/"),
  );
  const known = own.some((view) => isSame(view, here));
  if (own.length === 0 && here.query === "") return null;
  return (
    <nav class="kinds views" aria-label="Saved views">
      {own.map((view) => {
        const isOn = isSame(view, here);
        const name = printable(view.name);
        return (
          <span key={view.query} class="chip tone-violet" data-on={isOn || undefined}>
            <a href={viewHref(view)} aria-current={isOn ? "page" : undefined}>
              <bdi>{name}</bdi>
            </a>
            <button
              type="button"
              class="plain"
              aria-label={`Forget the view ${name}`}
              onClick={() => forgetView(view)}
            >
              <Icon name="close" size={11} />
            </button>
          </span>
        );
      })}
      {here.query !== "" && !known && (
        <button type="button" class="chip tone-gray" onClick={() => setNames(true)}>
          Save view
        </button>
      )}
      {names && (
        <Dialog title="Save view" onClose={() => setNames(false)}>
          <Form
            label="Save"
            onDone={() => setNames(false)}
            run={async (field) => {
              saveView({ ...here, name: field("name") });
              return { data: null, error: null };
            }}
          >
            <p class="muted">
              It keeps the filters of this page, in this browser. To show them to somebody else,
              send the address.
            </p>
            <label>
              Name
              <input name="name" required maxLength={60} placeholder="Failures of the night" />
            </label>
          </Form>
        </Dialog>
      )}
    </nav>
  );
}
