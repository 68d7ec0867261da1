import type { ComponentChildren } from "preact";
import { Meter } from "./meter.tsx";

/** Shows how much of a limit is used. If there is no limit, shows only the number that is used. */
export function Bar(props: {
  label: ComponentChildren;
  used: number;
  most: number | null;
  unit?: (value: number) => string;
  /** Whether reaching the limit is good. */
  full?: boolean;
}) {
  const { label, used, most, full = false } = props;
  const unit = props.unit ?? ((value: number) => value.toLocaleString("en"));
  const share = most === null || most === 0 ? null : Math.min(1, used / most);
  const tone =
    full || share === null ? "violet" : share >= 0.95 ? "red" : share >= 0.8 ? "amber" : "green";
  return (
    <div class={`bar tone-${tone}`}>
      <div>
        <span>{label}</span>
        <span class="muted">
          <b>{unit(used)}</b>
          {most !== null && ` of ${unit(most)}`}
        </span>
      </div>
      {share !== null && <Meter of={Math.max(share, used > 0 ? 0.008 : 0)} />}
    </div>
  );
}

export function bytes(count: number): string {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  let [value, unit] = [count, 0];
  while (value >= 1_000 && unit < units.length - 1) {
    value /= 1_000;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(value < 10 ? 1 : 0)} ${units[unit]}`;
}
