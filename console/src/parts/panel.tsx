import type { ComponentChildren } from "preact";

/** A part of a page with a heading, and `actions` next to it. */
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

/** Shown as long as a list is empty: what would be in the list, and how to get it. */
export function Empty(props: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <strong>{props.title}</strong>
      {props.children && <div>{props.children}</div>}
    </div>
  );
}

/** The page for something that does not exist, with a heading and a link back. */
export function Missing(props: {
  title: string;
  /** The address and the name of the list that the person came from. */
  back: [address: string, name: string];
  children?: ComponentChildren;
}) {
  const [address, name] = props.back;
  return (
    <>
      <Head
        title={props.title}
        about={
          <a class="back" href={address}>
            {name}
          </a>
        }
      />
      {props.children && <p class="muted">{props.children}</p>}
    </>
  );
}

/** A term and its value. A term without a value is not shown. */
export type Fact = [word: string, value: ComponentChildren];

/** Pairs of a term and its value. */
export function Facts({ of }: { of: Fact[] }) {
  return (
    <dl class="facts">
      {of
        .filter(([, value]) => value !== undefined && value !== null && value !== false)
        .map(([word, value]) => (
          <div key={word}>
            <dt>{word}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}

/** A single number with a label. */
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
