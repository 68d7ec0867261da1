import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { href } from "../../app/route.ts";
import { colours } from "../../app/theme.ts";
import { second } from "../../live/clock.ts";
import type { Space } from "../../live/space.ts";
import { printable } from "../../parts/text.ts";
import { jobArcs, messageArcs } from "./arcs.ts";
import { lanesOf, pausesOf } from "./lanes.ts";
import { NobodyHere } from "./nobody.tsx";
import { paint } from "./paint.ts";
import { axisHeight, rowHeight, type Scene, type Spot } from "./scene.ts";
import { advance, goTo, headAt, isLive, pastAt, playing, spanMs, windowAt } from "./view.ts";

export type Picked = Spot["of"];

/** The time between two drawings while only the bars shrink. While something moves, every frame is drawn. */
const calmMs = 90;
const near = 9;

/** The swimlanes: names on the left, and one canvas for everything that moves. */
export function Board(props: { space: Space; onPick(picked: Picked | null): void }) {
  const { agents, events, messages } = props.space;
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const [top, setTop] = useState(0);
  const [size, setSize] = useState({ width: 800, height: 500 });
  const [room, setRoom] = useState(500);
  const [hovered, setHovered] = useState<{ spot: Spot; x: number; y: number } | null>(null);
  const spots = useRef<Spot[]>([]);
  const dirty = useRef(true);

  // Rows change only once a second. Everything that changes with each frame is on the canvas.
  const head = pastAt.value ?? second.value;
  const { from, to } = windowAt(head);
  const lanes = useMemo(() => {
    const happened = events.timeline.items;
    return lanesOf(agents, pausesOf(happened, agents.all()), from, Math.min(to, head));
  }, [agents.version.value, Math.floor(head / 1_000), spanMs.value]);
  const rowOf = useMemo(() => new Map(lanes.map(({ id }, row) => [id, row])), [lanes]);
  const arcs = useMemo(
    () => [...messageArcs(messages.all()), ...jobArcs(events.timeline.items)],
    // The arcs are not computed for each event, but every second, so that the last job gets its arc even if nothing
    // else happens.
    [
      messages.version.value,
      Math.floor(events.timeline.version.value / 4),
      Math.floor(head / 1_000),
    ],
  );

  const scene = useRef<Omit<Scene, "from" | "to" | "head" | "isLive" | "happened">>(null as never);
  scene.current = {
    ...size,
    ...{ top, lanes, rowOf, arcs },
    hovered: hovered?.spot.of.kind === "arc" ? hovered.spot.of.arc.key : null,
  };
  void colours.value;
  dirty.current = true;

  useEffect(() => {
    const element = canvas.current;
    if (!element) return;
    const observer = new ResizeObserver(() => {
      setSize({ width: element.clientWidth, height: element.clientHeight });
    });
    observer.observe(element);
    const rooms = new ResizeObserver(() => setRoom(box.current?.clientHeight ?? 500));
    if (box.current) rooms.observe(box.current);
    let frame = 0;
    let drawnAt = 0;
    let before = performance.now();
    const loop = (now: number) => {
      advance(now - before);
      before = now;
      if (dirty.current || playing.value || now - drawnAt > calmMs) {
        dirty.current = false;
        drawnAt = now;
        draw(element);
      }
      frame = requestAnimationFrame(loop);
    };
    const draw = (element: HTMLCanvasElement) => {
      const ratio = devicePixelRatio;
      const { width, height } = scene.current;
      if (element.width !== width * ratio || element.height !== height * ratio)
        Object.assign(element, { width: width * ratio, height: height * ratio });
      const context = element.getContext("2d");
      if (!context) return;
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
      const at = headAt();
      const shown = windowAt(at);
      const { timeline } = events;
      const happened = timeline.items.slice(timeline.from(shown.from));
      spots.current = paint(context, {
        ...{ ...scene.current, ...shown, head: at },
        ...{ isLive: isLive.value, happened },
      });
    };
    frame = requestAnimationFrame(loop);
    return () => {
      cancelAnimationFrame(frame);
      observer.disconnect();
      rooms.disconnect();
    };
  }, []);

  const spotAt = (event: MouseEvent) => {
    const { left, top: above } = canvas.current?.getBoundingClientRect() ?? { left: 0, top: 0 };
    const [x, y] = [event.clientX - left, event.clientY - above];
    const spot = nearest(spots.current, x, y);
    return spot ? { spot, x, y } : null;
  };
  // Dragging the board to the left or the right moves through time.
  const drag = useRef<{ x: number; at: number; moved: boolean } | null>(null);
  const onMove = (event: PointerEvent) => {
    const { current } = drag;
    if (current && event.buttons > 0) {
      const moved = current.x - event.clientX;
      if (Math.abs(moved) > 4) current.moved = true;
      if (current.moved) {
        playing.value = false;
        goTo(current.at + (moved / size.width) * spanMs.value);
      }
      return;
    }
    setHovered(spotAt(event));
  };
  const first = Math.max(0, Math.floor(top / rowHeight) - 3);
  const last = Math.ceil((top + size.height) / rowHeight) + 3;
  return (
    <div class="board" ref={box} onScroll={() => setTop(box.current?.scrollTop ?? 0)}>
      <div
        class="board-inside"
        style={{ height: `${axisHeight + lanes.length * rowHeight + 8}px` }}
      >
        <ul class="board-names" style={{ paddingTop: `${axisHeight}px` }} aria-label="Agents">
          {lanes.slice(first, last).map(({ id, life, depth }, at) => (
            <li
              key={id}
              style={{
                transform: `translateY(${(first + at) * rowHeight}px)`,
                paddingLeft: `${12 + Math.min(depth, 6) * 13}px`,
              }}
            >
              <a href={href("agents", id)} class={`condition-${agents.conditionAt(life, head)}`}>
                <i class="dot" />
                <bdi>{printable(life.name)}</bdi>
                <small>{printable(life.type)}</small>
              </a>
            </li>
          ))}
        </ul>
        <div class="board-canvas" style={{ height: `${room}px` }}>
          {lanes.length === 0 && (
            <NobodyHere space={props.space} head={head} isLive={isLive.value} />
          )}
          <canvas
            ref={canvas}
            role="img"
            aria-label="Lives of agents over time; the stream has the same as text"
            onPointerDown={(event) => {
              drag.current = { x: event.clientX, at: headAt(), moved: false };
            }}
            onPointerMove={onMove}
            onPointerLeave={() => setHovered(null)}
            onPointerUp={(event) => {
              if (!drag.current?.moved) props.onPick(spotAt(event)?.spot.of ?? null);
              drag.current = null;
            }}
          />
          {hovered && (
            <div
              class="board-tip"
              style={{
                left: `${Math.min(hovered.x + 12, size.width - 240)}px`,
                top: `${Math.min(hovered.y + 14, size.height - 70)}px`,
              }}
            >
              {tipOf(props.space, hovered.spot.of)}
            </div>
          )}
        </div>
      </div>
    </div>
  );
}

function tipOf({ names }: Space, of: Picked) {
  if (of.kind === "event") {
    const { type, agentId } = of.event;
    return (
      <>
        <strong>{type}</strong>
        <span>{names.of(agentId).name}</span>
      </>
    );
  }
  const { arc } = of;
  return (
    <>
      <strong>{printable(arc.label)}</strong>
      <span>
        {names.of(arc.from).name} → {names.of(arc.to).name}
        {arc.waits ? ", waits" : ""}
      </span>
    </>
  );
}

function nearest(spots: readonly Spot[], x: number, y: number): Spot | null {
  let best: Spot | null = null;
  let least = near ** 2;
  for (const spot of spots) {
    const distance = (spot.x - x) ** 2 + (spot.y - y) ** 2;
    if (distance >= least) continue;
    least = distance;
    best = spot;
  }
  return best;
}
