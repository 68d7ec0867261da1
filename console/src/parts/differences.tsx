import type { StateDifference } from "@mayfly/sdk";
import { Badge } from "./badge.tsx";
import { Json } from "./json.tsx";
import { printable } from "./text.ts";

/** The differences between two values, path by path. */
export function Differences({ of }: { of: readonly StateDifference[] }) {
  if (of.length === 0) return <p class="muted">They do not differ.</p>;
  return (
    <ul class="differences">
      {of.map(({ path, from, to }) => (
        <li key={path.join("/")}>
          <code>{path.length === 0 ? "all of it" : printable(path.join("."))}</code>
          {from !== undefined && (
            <div class="was">
              <Badge tone="red">was</Badge>
              <Json value={from} open={0} />
            </div>
          )}
          {to !== undefined && (
            <div class="is">
              <Badge tone="green">is</Badge>
              <Json value={to} open={0} />
            </div>
          )}
        </li>
      ))}
    </ul>
  );
}
