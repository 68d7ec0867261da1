import type { Result } from "@mayfly/sdk";
import { useState } from "preact/hooks";
import { space } from "../session/session.ts";
import { Icon, type IconName } from "./icon.tsx";
import { say } from "./notice.tsx";

export interface ActionProps {
  label: string;
  icon?: IconName;
  /** Who lacks it does not see the button at all. */
  scope?: string;
  tone?: "plain" | "primary" | "danger";
  /** Asked before it is done; for what cannot be taken back. */
  confirm?: string;
  /** Said when it is done. */
  done?: string;
  run(): Promise<Result<unknown>>;
}

/** A button that does something. What is refused says why, and what to do. */
export function Action({ label, icon, scope, tone = "plain", confirm, done, run }: ActionProps) {
  const [busy, setBusy] = useState(false);
  const [asks, setAsks] = useState(false);
  if (scope && !space.value?.may(scope)) return null;
  const act = async () => {
    setAsks(false);
    setBusy(true);
    const { error } = await run();
    setBusy(false);
    if (error) say({ tone: "red", title: `${label}: refused`, error });
    else if (done) say({ tone: "green", title: done });
  };
  if (asks)
    return (
      <fieldset class="confirm" aria-label={label}>
        <span>{confirm}</span>
        <button type="button" class={`button ${tone === "plain" ? "" : tone}`} onClick={act}>
          {label}
        </button>
        <button type="button" class="button" onClick={() => setAsks(false)}>
          Cancel
        </button>
      </fieldset>
    );
  return (
    <button
      type="button"
      class={`button ${tone === "plain" ? "" : tone}`}
      disabled={busy}
      onClick={confirm ? () => setAsks(true) : act}
    >
      {icon && <Icon name={icon} size={15} />}
      {busy ? "…" : label}
    </button>
  );
}
