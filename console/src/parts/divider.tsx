import { useEffect, useRef, useState } from "preact/hooks";

const [least, most] = [20, 80];
const key = "mayfly.divider";

/**
 * The line between two panels. A person can drag the line, or move it with the arrow keys. The width
 * of the left panel is set as `--left` on the box around the panels.
 */
export function Divider() {
  const line = useRef<HTMLDivElement>(null);
  const [share, setShare] = useState(() => bounded(Number(localStorage.getItem(key) ?? 50)));
  useEffect(() => {
    line.current?.parentElement?.style.setProperty("--left", `${share}%`);
    localStorage.setItem(key, String(share));
  }, [share]);
  return (
    // biome-ignore lint/a11y/useSemanticElements: an hr cannot be moved.
    <div
      ref={line}
      class="divider"
      role="separator"
      aria-orientation="vertical"
      aria-label="Width of the left panel"
      aria-valuenow={share}
      aria-valuemin={least}
      aria-valuemax={most}
      tabIndex={0}
      onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
      onPointerMove={({ currentTarget, pointerId, clientX }) => {
        const box = currentTarget.parentElement?.getBoundingClientRect();
        if (box && currentTarget.hasPointerCapture(pointerId))
          setShare(bounded(((clientX - box.left) / box.width) * 100));
      }}
      onDblClick={() => setShare(50)}
      onKeyDown={(event) => {
        const by = { ArrowLeft: -5, ArrowRight: 5 }[event.key];
        if (by === undefined) return;
        event.preventDefault();
        setShare(bounded(share + by));
      }}
    />
  );
}

const bounded = (share: number) => Math.round(Math.min(most, Math.max(least, share || 50)));
