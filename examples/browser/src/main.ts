// Shows who is signed in and in which tenant, then the panels of the page. Each panel has its own file.
import type { Mayfly } from "@mayfly/sdk";
import { showAgents } from "./agents.ts";
import { showDebug } from "./debug.ts";
import { find, list, make, onSubmit, showProblem } from "./dom.ts";
import { hear } from "./heard.ts";
import { answerQuestions } from "./recall.ts";
import { acceptFromLink, enter, openMayfly, supabase } from "./session.ts";
import { giveWork } from "./work.ts";

const pages = ["#sign-in", "#invitation", "#tenant-page"];

function show(page: string): void {
  for (const one of pages) list(one).hidden = one !== page;
}

async function start(): Promise<void> {
  const { data } = await supabase.auth.getSession();
  list("#who").hidden = !data.session;
  if (!data.session) return show("#sign-in");
  list("#person").textContent = data.session.user.email ?? "";
  const mayfly = openMayfly();
  await acceptFromLink(mayfly);
  const { data: tenants, error } = await mayfly.tenants.list();
  if (error) throw error;
  const tenant = tenants.find(({ id }) => id === localStorage.getItem("tenant")) ?? tenants[0];
  const choice = find("#tenant", HTMLSelectElement);
  choice.hidden = !tenant;
  if (!tenant) return show("#invitation");
  const options = tenants.map(({ id, name }) => make("option", { value: id, textContent: name }));
  choice.replaceChildren(...options);
  choice.value = tenant.id;
  show("#tenant-page");
  await openPanels(openMayfly(tenant.id));
}

async function openPanels(mayfly: Mayfly): Promise<void> {
  addEventListener("pagehide", () => void mayfly.close());
  giveWork(mayfly);
  answerQuestions(mayfly);
  await Promise.all([hear(mayfly), showAgents(mayfly), showDebug(mayfly)]);
}

onSubmit("#sign-in form", async (field, button) => {
  await enter(field("email"), field("password"), button === "up");
  await start();
});
onSubmit("#invitation form", async (field) => {
  const { error } = await openMayfly().people.invitations.accept({ token: field("token") });
  if (error) throw error;
  await start();
});
list("#sign-out").addEventListener("click", async () => {
  // Signs out of this browser only, and works even if the project no longer knows the session.
  await supabase.auth.signOut({ scope: "local" });
  location.reload();
});
find("#tenant", HTMLSelectElement).addEventListener("change", ({ target }) => {
  localStorage.setItem("tenant", (target as HTMLSelectElement).value);
  location.reload();
});
start().catch(showProblem);
