import type { ComponentChildren } from "preact";
import { forgetConfig } from "../session/config.ts";
import { config, type Phase, signOut, start } from "../session/session.ts";
import { Logo } from "./logo.tsx";
import { NoTenant } from "./no-tenant.tsx";
import { ProjectForm } from "./project-form.tsx";
import { SignIn } from "./sign-in.tsx";

/** The screens before a tenant is open. */
export function Entry({ phase }: { phase: Phase }) {
  switch (phase.at) {
    case "project":
      return (
        <Card title="Which project?">
          <ProjectForm />
        </Card>
      );
    case "sign-in":
      return (
        <Card title="Sign in">
          {phase.notice && <p class="warning">{phase.notice}</p>}
          <SignIn />
          <Where />
        </Card>
      );
    case "no-tenant":
      return (
        <Card title="No tenant yet">
          <NoTenant />
        </Card>
      );
    case "failed":
      return (
        <Card title="This did not work">
          <p class="warning">{phase.message}</p>
          {phase.hint && <p>{phase.hint}</p>}
          <div class="actions">
            <button type="button" class="button primary" onClick={() => void start()}>
              Try again
            </button>
            <button type="button" class="button" onClick={() => void signOut()}>
              Sign out
            </button>
          </div>
        </Card>
      );
    default:
      return (
        <div class="entry" role="status" aria-label="Loading">
          <span class="spinner" />
        </div>
      );
  }
}

function Card({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <main class="entry">
      <div class="entry-card">
        <Logo />
        <h1>{title}</h1>
        {children}
      </div>
    </main>
  );
}

/**
 * Names the project. Has a link for choosing another one, unless the server of the page sets the
 * project.
 */
function Where() {
  const found = config.value;
  if (!found) return null;
  const other = () => {
    forgetConfig();
    location.reload();
  };
  return (
    <p class="where">
      {new URL(found.url).host}
      {!found.local && (
        <button type="button" class="link-button" onClick={other}>
          Another project
        </button>
      )}
    </p>
  );
}
