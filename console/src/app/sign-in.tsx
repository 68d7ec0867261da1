import { useState } from "preact/hooks";
import { authClient, start } from "../session/session.ts";

/** Signs a person in with Supabase Auth, with a password or an emailed link. */
export function SignIn() {
  const [problem, setProblem] = useState<string | null>(null);
  const [told, setTold] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const enter = async (form: HTMLFormElement, way: string) => {
    const field = (name: string) => String(new FormData(form).get(name) ?? "");
    const [email, password] = [field("email"), field("password")];
    setProblem(null);
    if (way !== "link" && password === "")
      return setProblem("Enter a password, or ask for a link.");
    setBusy(true);
    const { auth } = authClient();
    const { error, data } =
      way === "link"
        ? await auth.signInWithOtp({
            email,
            options: { emailRedirectTo: location.href.split("#")[0] ?? "" },
          })
        : way === "up"
          ? await auth.signUp({ email, password })
          : await auth.signInWithPassword({ email, password });
    setBusy(false);
    if (error) return setProblem(error.message);
    if (data.session) return start();
    setTold("Follow the link in the mail that was sent.");
  };
  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault();
        const way = (event as SubmitEvent).submitter?.dataset.way ?? "in";
        void enter(event.currentTarget, way);
      }}
    >
      <label>
        Email
        <input name="email" type="email" required autocomplete="username" />
      </label>
      <label>
        Password
        <input name="password" type="password" autocomplete="current-password" />
      </label>
      {problem && (
        <p class="warning" role="alert">
          {problem}
        </p>
      )}
      {told && <p role="status">{told}</p>}
      <button type="submit" class="button primary" data-way="in" disabled={busy}>
        Sign in
      </button>
      <div class="form-row">
        <button type="submit" class="link-button" data-way="link">
          Send me a link
        </button>
        <button type="submit" class="link-button" data-way="up">
          Create an account
        </button>
      </div>
    </form>
  );
}
