import { useState } from "preact/hooks";
import { Icon } from "./icon.tsx";
import { oneLine, plural, preview, printable } from "./text.ts";

const shownAtFirst = 2_000;
const shownMore = 20_000;
const entriesAtFirst = 50;

/** A long text, one part at a time, because a megabyte in one element would freeze the page. */
export function LongText({ text }: { text: string }) {
  const [shown, show] = useState(shownAtFirst);
  if (text.length <= shown) return <>{printable(text)}</>;
  const rest = text.length - shown;
  return (
    <>
      {printable(text.slice(0, shown))}
      <button type="button" class="more" onClick={() => show(shown + shownMore)}>
        … {plural(rest, "more character")}
      </button>
    </>
  );
}

/** Any value as a tree that opens and closes. All its content is shown as text. */
export function Json({ value, open = 1 }: { value: unknown; open?: number }) {
  return (
    <div class="json">
      <Node value={value} open={open} />
    </div>
  );
}

function Node(props: { name?: string; value: unknown; open: number }) {
  const { name, open } = props;
  const value = props.value instanceof Date ? props.value.toISOString() : props.value;
  if (typeof value !== "object" || value === null)
    return (
      <div class="json-row">
        {name !== undefined && <Key name={name} />}
        <Leaf value={value} />
      </div>
    );
  return <Branch {...(name !== undefined && { name })} value={value} open={open} />;
}

function Branch({ name, value, open }: { name?: string; value: object; open: number }) {
  const [isOpen, setOpen] = useState(open > 0);
  const [most, setMost] = useState(entriesAtFirst);
  const entries = Object.entries(value);
  const [begin, end] = Array.isArray(value) ? ["[", "]"] : ["{", "}"];
  if (entries.length === 0)
    return (
      <div class="json-row">
        {name !== undefined && <Key name={name} />}
        {begin}
        {end}
      </div>
    );
  return (
    <div class="json-branch">
      <button
        type="button"
        class="json-row"
        aria-expanded={isOpen}
        onClick={() => setOpen(!isOpen)}
      >
        <Icon name={isOpen ? "down" : "right"} size={12} />
        {name !== undefined && <Key name={name} />}
        {isOpen ? begin : <span class="json-preview">{`${begin}${preview(value)}${end}`}</span>}
      </button>
      {isOpen && (
        <div class="json-inside">
          {entries.slice(0, most).map(([key, inner]) => (
            <Node key={key} name={key} value={inner} open={open - 1} />
          ))}
          {entries.length > most && (
            <button type="button" class="more" onClick={() => setMost(most + 500)}>
              … {plural(entries.length - most, "more entry", "more entries")}
            </button>
          )}
        </div>
      )}
    </div>
  );
}

const Key = ({ name }: { name: string }) => <span class="json-key">{oneLine(name)}: </span>;

function Leaf({ value }: { value: unknown }) {
  if (value === "") return <span class="json-string muted">""</span>;
  if (typeof value === "string")
    return (
      <span class="json-string">
        <LongText text={value} />
      </span>
    );
  return <span class={`json-${value === null ? "null" : typeof value}`}>{String(value)}</span>;
}
