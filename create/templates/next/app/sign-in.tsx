"use client";
import { MayflyProvider } from "@mayfly/react";
import { Mayfly } from "@mayfly/sdk";
import { createClient } from "@supabase/supabase-js";
import { type FormEvent, useEffect, useState } from "react";
import { Team } from "./team";

export interface Project {
  url: string;
  publishableKey: string;
  tenant: string;
}

/**
 * The page's only connection, however often React renders. Two clients would disturb each other's
 * session.
 */
let connection: ReturnType<typeof connect> | undefined;

function connect({ url, publishableKey: key, tenant }: Project) {
  const client = createClient(url, key);
  return { auth: client.auth, mayfly: new Mayfly({ url, key, client, tenant }) };
}

async function join(token: string): Promise<string | null> {
  const headers = { authorization: `Bearer ${token}` };
  const answer = await fetch("/join", { method: "POST", headers });
  return ((await answer.json()) as { problem: string | null }).problem;
}

export function Page({ project }: { project: Project }) {
  const [signedIn, setSignedIn] = useState<boolean>();
  const [problem, setProblem] = useState("");

  useEffect(() => {
    connection ??= connect(project);
    void connection.auth.getSession().then(({ data }) => setSignedIn(data.session !== null));
  }, [project]);

  async function enter(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const fields = new FormData(event.currentTarget);
    const email = String(fields.get("email"));
    const password = String(fields.get("password"));
    const auth = connection?.auth;
    if (!auth) return;
    // New people are signed up, and everybody else is signed in.
    const first = await auth.signUp({ email, password });
    const { data, error } =
      first.error?.code === "user_already_exists"
        ? await auth.signInWithPassword({ email, password })
        : first;
    if (error) return setProblem(error.message);
    if (!data.session) return setProblem("Follow the link in the mail that was sent.");
    const refused = await join(data.session.access_token);
    if (refused) return setProblem(refused);
    setSignedIn(true);
  }

  if (connection && signedIn)
    return (
      <MayflyProvider mayfly={connection.mayfly}>
        <Team />
      </MayflyProvider>
    );
  if (signedIn === undefined) return <main />;
  return (
    <main>
      <h1>Live agents</h1>
      <form onSubmit={enter}>
        <input name="email" type="email" placeholder="you@example.com" required />
        <input name="password" type="password" placeholder="Any password" minLength={6} required />
        <button type="submit">Come in</button>
      </form>
      <p role="alert">{problem}</p>
    </main>
  );
}
