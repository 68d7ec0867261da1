import type { Result } from "@mayfly/sdk";
import { useState } from "preact/hooks";
import { space } from "../session/session.ts";
import { Icon, type IconName } from "./icon.tsx";
import { say } from "./notice.tsx";

export interface ActionProps {
  label: string;
  icon?: IconName;
  /** Without this scope, the button is not shown. */
  scope?: string;
  tone?: "plain" | "primary" | "danger";
  /** A question to ask first, for actions that cannot be undone. */
  confirm?: string;
  /** A notice to show when it is done. */
  done?: string;
  run(): Promise<Result<unknown>>;
  /** Called after it has run, even if it was refused. */
  after?(): void;
}

/** A button that runs an action. If the action is refused, shows why and what to do. */
export function Action(props: ActionProps) {
  const { label, icon, scope, tone = "plain", confirm, done, run, after } = props;
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
    after?.();
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
