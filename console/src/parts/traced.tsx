import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { route, setQuery } from "../app/route.ts";
import { Icon } from "./icon.tsx";
import { Panel } from "./panel.tsx";
import { TwoPanels } from "./two-panels.tsx";
import { type Span, Waterfall } from "./waterfall.tsx";

const wide = matchMedia("(min-width: 1081px)");
/** Whether there is room for two panels. Otherwise a bar opens in its place. */
const isWide = signal(wide.matches);
wide.addEventListener("change", ({ matches }) => {
  isWide.value = matches;
});

/** The spans of something at the left. At the right is what is inside the picked span, and the rest. */
export function Traced(props: {
  title: string;
  hint: string;
  label: string;
  spans: Span[];
  /** What is below the spans. */
  below?: ComponentChildren;
  children: ComponentChildren;
}) {
  const { title, hint, label, spans, below, children } = props;
  const at = route.value.query.get("at");
  const picked = spans.find(({ key, inside }) => key === at && inside !== undefined);
  return (
    <TwoPanels
      left={
        <>
          <Panel title={title} hint={hint}>
            <Waterfall
              label={label}
              spans={spans}
              picked={picked?.key ?? null}
              inPlace={!isWide.value}
              onPick={(key) => setQuery({ at: key })}
            />
          </Panel>
          {below}
        </>
      }
      right={
        <>
          {picked && isWide.value && (
            <Panel
              title={picked.title ?? title}
              hint={picked.says}
              class="picked-span"
              actions={
                <button
                  type="button"
                  class="icon-button"
                  aria-label="Close"
                  onClick={() => setQuery({ at: null })}
                >
                  <Icon name="close" size={14} />
                </button>
              }
            >
              <div class="panel-body">{picked.inside}</div>
            </Panel>
          )}
          {children}
        </>
      }
    />
  );
}
