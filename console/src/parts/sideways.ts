import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";

/**
 * For a box that scrolls sideways: fades its content at each edge behind which there is more
 * (`data-before` and `data-after`, see `styles/filters.css`). Without this sign, a row of buttons on
 * a phone looks complete, because its scrollbar is hidden.
 */
export function useSideways<T extends HTMLElement>(): {
  ref: RefObject<T | null>;
  onScroll(): void;
} {
  const ref = useRef<T>(null);
  const look = () => {
    const box = ref.current;
    if (!box) return;
    const hidden = box.scrollWidth - box.clientWidth - box.scrollLeft;
    box.toggleAttribute("data-before", box.scrollLeft > 1);
    box.toggleAttribute("data-after", hidden > 1);
  };
  useEffect(() => {
    if (!ref.current) return;
    const sizes = new ResizeObserver(look);
    sizes.observe(ref.current);
    return () => sizes.disconnect();
  }, []);
  // After each drawing, because the content may be wider than before.
  useEffect(look);
  return { ref, onScroll: look };
}
