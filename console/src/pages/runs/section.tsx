import type { ComponentChildren } from "preact";

/** A section of the details of a step or a run. */
export function Section(props: { title: string; hint?: string; children: ComponentChildren }) {
  return (
    <section class="picked-section">
      <h3>
        {props.title} {props.hint && <small class="section-hint">{props.hint}</small>}
      </h3>
      {props.children}
    </section>
  );
}
