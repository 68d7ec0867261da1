import { type Attributes, attributeText } from "@mayfly/sdk";
import { href, route } from "../app/route.ts";
import type { Column } from "./table.tsx";
import { printable } from "./text.ts";

/** How many attributes a line of a list shows. */
export const inList = 3;

/**
 * What a program said about a job, a workflow or a run. Each attribute is a link to the list with this
 * attribute as a filter. In the list itself, the other filters stay.
 */
export function AttributeLinks(props: { of: Attributes; page: string; most?: number }) {
  const { of, page, most = Number.POSITIVE_INFINITY } = props;
  const all = Object.entries(of).sort(([a], [b]) => (a < b ? -1 : 1));
  return (
    <span class="attributes">
      {all.slice(0, most).map(([name, value]) => {
        const text = attributeText(name, value);
        return (
          <a
            key={name}
            class="chip tone-violet"
            href={filtered(page, text)}
            title={`Show those with ${printable(text)}`}
          >
            <bdi>
              <span class="muted">{printable(name)}</span> {printable(String(value))}
            </bdi>
          </a>
        );
      })}
      {all.length > most && <span class="muted">+{all.length - most}</span>}
    </span>
  );
}

/** The address of the list with this attribute in its search. */
function filtered(page: string, text: string): string {
  const { page: open, rest, query } = route.value;
  const next = new URLSearchParams(open === page && rest.length === 0 ? query : "");
  const find = next.get("find") ?? "";
  if (!` ${find} `.includes(` ${text} `)) next.set("find", `${find} ${text}`.trim());
  return `${href(page)}?${next}`;
}

/** A column with the attributes, if one of the rows has any. */
export const attributesColumn = <Row extends { attributes?: Attributes }>(
  rows: readonly Row[],
  page: string,
): Column<Row>[] =>
  rows.some(({ attributes }) => attributes)
    ? [
        {
          title: "Attributes",
          cell: ({ attributes }) =>
            attributes ? <AttributeLinks of={attributes} page={page} most={inList} /> : null,
          wide: true,
        },
      ]
    : [];
