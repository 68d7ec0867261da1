import {
  type ApplicationClient,
  Mayfly,
  type MayflyError,
  type OwnMembership,
  type Result,
  type Tenant,
} from "@mayfly/sdk";
import { Agents } from "./agents.ts";
import { Events, type Happening } from "./events.ts";
import { MessageStore } from "./messages.ts";
import { Names } from "./names.ts";
import { Subjects } from "./subjects.ts";

/** A tenant that is open: who looks at it, and what is known of it by now. */
export interface Space {
  readonly tenant: Tenant;
  readonly mayfly: Mayfly;
  /** Whoever is signed in, with role and scopes. */
  readonly me: OwnMembership;
  /** Whether a button for this would work. The database decides all the same. */
  may(scope: string): boolean;
  readonly agents: Agents;
  readonly events: Events;
  readonly messages: MessageStore;
  readonly names: Names;
  readonly subjects: Subjects;
}

interface Project {
  url: string;
  key: string;
  client: ApplicationClient;
}

export async function openSpace(project: Project, tenant: Tenant): Promise<Result<Space>> {
  const mayfly = new Mayfly({ ...project, tenant: tenant.id });
  const me = await mayfly.people.me();
  if (me.error) return me;
  const agents = new Agents(mayfly);
  const events = new Events(mayfly);
  const messages = new MessageStore(mayfly);
  const names = new Names(mayfly, agents);
  const subjects = new Subjects(mayfly);
  events.listen((happened, isPast) => {
    learn(agents, messages, happened, isPast);
    subjects.want(happened);
  });
  const scopes = new Set(me.data.scopes);
  const space: Space = {
    ...{ tenant, mayfly, me: me.data, agents, events, messages, names, subjects },
    may: (scope) => scopes.has(scope),
  };
  await Promise.all([names.start(), agents.start(), messages.start()]);
  // What it cannot hear of, the page says; the rest of it works all the same.
  void events.start();
  return { data: space, error: null } satisfies { data: Space; error: MayflyError | null };
}

export async function closeSpace({
  agents,
  events,
  messages,
  subjects,
  mayfly,
}: Space): Promise<void> {
  agents.stop();
  messages.stop();
  subjects.stop();
  await events.stop();
  await mayfly.close();
}

/** How many messages that arrive while the page opens are looked up. */
const newest = 100;

/** What events name is asked for, so that it has a name by the time it is drawn. */
function learn(agents: Agents, messages: MessageStore, happened: Happening[], isPast: boolean) {
  const changed = happened.filter(({ kind }) => kind === "agent").map(({ subject }) => subject);
  agents.want(changed, !isPast);
  agents.want(happened.map(({ agentId }) => agentId));
  const sent = happened.flatMap(({ kind, subject }) =>
    kind === "message" && subject !== null ? [subject] : [],
  );
  // The page has the past messages already, except those that were sent while it opened.
  messages.want(isPast ? sent.filter((id) => !messages.get(id)).slice(-newest) : sent);
}
