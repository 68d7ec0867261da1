import type { ComponentChildren } from "preact";
import { useSideways } from "./sideways.ts";

export interface Chip {
  key: string;
  title: ComponentChildren;
  tone: string;
}

/** Choices as a row of buttons, each in its colour. */
export function Chips(props: {
  label: string;
  of: readonly Chip[];
  isOn(key: string): boolean;
  onPick(key: string): void;
}) {
  const sideways = useSideways<HTMLFieldSetElement>();
  return (
    <fieldset {...sideways} class="kinds sideways" aria-label={props.label}>
      {props.of.map(({ key, title, tone }) => (
        <button
          key={key}
          type="button"
          class={`chip tone-${tone}`}
          aria-pressed={props.isOn(key)}
          onClick={() => props.onPick(key)}
        >
          {title}
        </button>
      ))}
    </fieldset>
  );
}
