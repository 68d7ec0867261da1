import type { ComponentChildren } from "preact";

/** A part of a page with a heading; `actions` stand beside it. */
export function Panel(props: {
  title: string;
  hint?: string | undefined;
  actions?: ComponentChildren;
  class?: string;
  children: ComponentChildren;
}) {
  const { title, hint, actions, children } = props;
  return (
    <section class={`panel ${props.class ?? ""}`} aria-label={title}>
      <header>
        <h2>{title}</h2>
        {hint && <span class="hint">{hint}</span>}
        {actions && <div class="actions">{actions}</div>}
      </header>
      {children}
    </section>
  );
}

/** The head of a page. */
export function Head(props: {
  title: ComponentChildren;
  about?: ComponentChildren;
  children?: ComponentChildren;
}) {
  return (
    <header class="page-head">
      <div>
        <h1>{props.title}</h1>
        {props.about && <p>{props.about}</p>}
      </div>
      {props.children && <div class="actions">{props.children}</div>}
    </header>
  );
}

/** Where there is nothing: what it would be, and what to do to have some. */
export function Empty(props: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <strong>{props.title}</strong>
      {props.children && <div>{props.children}</div>}
    </div>
  );
}

/** Pairs of a word and what it is. */
export function Facts({ of }: { of: [string, ComponentChildren][] }) {
  return (
    <dl class="facts">
      {of.map(([word, value]) => (
        <div key={word}>
          <dt>{word}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** One number that matters. */
export function Figure(props: {
  label: string;
  value: ComponentChildren;
  note?: ComponentChildren;
  tone?: string;
}) {
  return (
    <div class={`figure ${props.tone ? `tone-${props.tone}` : ""}`}>
      <span>{props.label}</span>
      <strong>{props.value}</strong>
      {props.note && <small>{props.note}</small>}
    </div>
  );
}
