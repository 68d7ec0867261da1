import { diffWordsWithSpace } from "diff";
import { useMemo } from "preact/hooks";
import { printable } from "../../parts/text.ts";
import { Value } from "./said.tsx";

/** Longer texts are shown without marks, because comparing their words would take seconds. */
const longest = 20_000;
const patienceMs = 200;

/** Two values as cells of a grid, with differing words marked. Equal values share one cell. */
export function Differences({ left, right }: { left: unknown; right: unknown }) {
  const [one, other] = [textOf(left), textOf(right)];
  const parts = useMemo(
    () =>
      one === null || other === null || one === other || one.length + other.length > longest
        ? null
        : diffWordsWithSpace(one, other, { timeout: patienceMs }),
    [one, other],
  );
  if (!parts) {
    const isSame = one !== null && one === other;
    if (isSame)
      return (
        <div class="same">
          <Value of={left} open={3} />
        </div>
      );
    return (
      <>
        <Cell of={left} />
        <Cell of={right} />
      </>
    );
  }
  return (
    <>
      <bdi class={`said-text ${typeof left === "string" ? "" : "mono"}`}>
        {parts.map(({ value, added, removed }, at) =>
          added ? null : removed ? <del key={at}>{printable(value)}</del> : printable(value),
        )}
      </bdi>
      <bdi class={`said-text ${typeof left === "string" ? "" : "mono"}`}>
        {parts.map(({ value, added, removed }, at) =>
          removed ? null : added ? <ins key={at}>{printable(value)}</ins> : printable(value),
        )}
      </bdi>
    </>
  );
}

function Cell({ of }: { of: unknown }) {
  if (of === undefined || of === null) return <p class="muted">Nothing</p>;
  return (
    <div>
      <Value of={of} open={3} />
    </div>
  );
}

const textOf = (value: unknown): string | null => {
  if (value === undefined || value === null) return null;
  return typeof value === "string" ? value : JSON.stringify(value, null, 2);
};
