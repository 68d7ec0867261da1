import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

/** How many rows outside the window are also rendered, so that scrolling shows no gap. */
const margin = 12;

/**
 * A list of rows of the same height. Only the rows in the window are rendered. With `follow`, the
 * list stays scrolled to its end while it grows, until the reader scrolls up.
 */
export function Rows<T>(props: {
  items: readonly T[];
  height: number;
  label: string;
  keyOf(item: T): string;
  row(item: T, index: number): ComponentChildren;
  follow?: boolean;
  onFollow?(follows: boolean): void;
  /** Content above the first row. It must be as high as a row. */
  top?: ComponentChildren;
}) {
  const { items, height, label, follow = false } = props;
  const box = useRef<HTMLElement>(null);
  const [view, setView] = useState({ top: 0, room: 600 });
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const sizes = new ResizeObserver(() =>
      setView({ top: element.scrollTop, room: element.clientHeight }),
    );
    sizes.observe(element);
    return () => sizes.disconnect();
  }, []);
  const before = useRef<string | null>(null);
  useLayoutEffect(() => {
    const element = box.current;
    const key = items[0] === undefined ? null : props.keyOf(items[0]);
    if (element && follow) element.scrollTop = (items.length + 1) * height;
    else if (element && key !== before.current) {
      // Rows that are added above must not move the visible ones.
      const at = items.findIndex((item) => props.keyOf(item) === before.current);
      if (at > 0) element.scrollTop += at * height;
    }
    before.current = key;
  });
  const onScroll = () => {
    const element = box.current;
    if (!element) return;
    setView({ top: element.scrollTop, room: element.clientHeight });
    const atEnd = element.scrollTop + element.clientHeight >= element.scrollHeight - height;
    if (atEnd !== follow) props.onFollow?.(atEnd);
  };
  const first = Math.max(0, Math.floor(view.top / height) - margin);
  const last = Math.min(items.length, Math.ceil((view.top + view.room) / height) + margin);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: people without a mouse scroll it by keyboard.
    <section class="rows" ref={box} onScroll={onScroll} aria-label={label} tabIndex={0}>
      {props.top && <div style={{ height: `${height}px` }}>{props.top}</div>}
      <ul class="rows-all" style={{ height: `${items.length * height}px` }}>
        {items.slice(first, last).map((item, at) => (
          <li
            key={props.keyOf(item)}
            class="rows-one"
            style={{ transform: `translateY(${(first + at) * height}px)`, height: `${height}px` }}
          >
            {props.row(item, first + at)}
          </li>
        ))}
      </ul>
    </section>
  );
}
