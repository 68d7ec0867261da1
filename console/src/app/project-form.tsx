import { useState } from "preact/hooks";
import { keepConfig, keyFault } from "../session/config.ts";
import { start } from "../session/session.ts";

/** Asks for the project, if the server of the page does not set it. */
export function ProjectForm() {
  const [problem, setProblem] = useState<string | null>(null);
  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault();
        const form = new FormData(event.currentTarget);
        const url = String(form.get("url") ?? "").trim();
        const key = String(form.get("key") ?? "").trim();
        const fault = keyFault(key);
        // The field may contain a secret key, so clear it.
        if (fault) event.currentTarget.reset();
        setProblem(fault);
        if (fault) return;
        keepConfig(url, key);
        void start();
      }}
    >
      <label>
        Project URL
        <input name="url" type="url" required placeholder="https://<ref>.supabase.co" />
      </label>
      <label>
        Publishable key
        <input name="key" required placeholder="sb_publishable_…" autocomplete="off" />
      </label>
      {problem && (
        <p class="warning" role="alert">
          {problem}
        </p>
      )}
      <button type="submit" class="button primary">
        Continue
      </button>
      <p class="hint">Both stay in this browser. They are under Project Settings → API Keys.</p>
    </form>
  );
}
