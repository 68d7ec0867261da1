import { useSideways } from "./sideways.ts";

export interface Tab {
  title: string;
  href: string;
  current: boolean;
  count?: number | undefined;
  /** Marks a view that somebody should look at. */
  hot?: boolean;
}

/** The views of a page. Each has its own address. */
export function Tabs({ label, of }: { label: string; of: Tab[] }) {
  const sideways = useSideways<HTMLElement>();
  return (
    <nav {...sideways} class="tabs sideways" aria-label={label}>
      {of.map(({ title, href, current, count, hot }) => (
        <a key={title} href={href} aria-current={current ? "page" : undefined}>
          {title}
          {count !== undefined && count > 0 && <Count of={count} hot={hot ?? false} />}
        </a>
      ))}
    </nav>
  );
}

export function Count({ of, hot = false }: { of: number; hot?: boolean }) {
  return <span class={`count ${hot ? "hot" : ""}`}>{of > 999 ? "999+" : of}</span>;
}
