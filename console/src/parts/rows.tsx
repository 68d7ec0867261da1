import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

/** Rows outside of the window that are there all the same, so that scrolling shows no gap. */
const margin = 12;

/**
 * A list of rows of one height, of which only those in the window exist. With `follow` it stays at its
 * end as it grows, until the reader scrolls up.
 */
export function Rows<T>(props: {
  items: readonly T[];
  height: number;
  label: string;
  keyOf(item: T): string;
  row(item: T, index: number): ComponentChildren;
  follow?: boolean;
  onFollow?(follows: boolean): void;
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
  useLayoutEffect(() => {
    if (follow && box.current) box.current.scrollTop = items.length * height;
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
    // biome-ignore lint/a11y/noNoninteractiveTabindex: who has no mouse scrolls it by the keyboard.
    <section class="rows" ref={box} onScroll={onScroll} aria-label={label} tabIndex={0}>
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
