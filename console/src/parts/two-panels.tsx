import type { ComponentChildren } from "preact";
import { Divider } from "./divider.tsx";

/** Two columns with a divider that can be moved. On a narrow screen, one below the other. */
export function TwoPanels({ left, right }: { left: ComponentChildren; right: ComponentChildren }) {
  return (
    <div class="two-panels">
      <div class="stack">{left}</div>
      <Divider />
      <div class="stack">{right}</div>
    </div>
  );
}
