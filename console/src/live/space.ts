import {
  type ApplicationClient,
  Mayfly,
  type MayflyError,
  type OwnMembership,
  type Result,
  type Tenant,
} from "@mayfly/sdk";
import { Agents } from "./agents.ts";
import { Asked } from "./asked.ts";
import { Events, type Happening } from "./events.ts";
import { MessageStore } from "./messages.ts";
import { Names } from "./names.ts";
import { Subjects } from "./subjects.ts";

/** The open tenant: who is signed in, and what the page knows about the tenant. */
export interface Space {
  readonly tenant: Tenant;
  readonly mayfly: Mayfly;
  /** The signed-in person, with role and scopes. */
  readonly me: OwnMembership;
  /** Whether the person has this scope, to decide which buttons to show. The database still checks each call. */
  may(scope: string): boolean;
  /** Looks up the names of everything that past events mention. */
  learn(happened: Happening[]): void;
  readonly agents: Agents;
  /** The approvals that wait for this person. */
  readonly asked: Asked;
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
  const agents = new Agents(mayfly);
  const events = new Events(mayfly);
  const messages = new MessageStore(mayfly);
  const names = new Names(mayfly, agents);
  const subjects = new Subjects(mayfly);
  const asked = new Asked(mayfly, events);
  const learnNames = (happened: Happening[], isPast: boolean) => {
    learn(agents, messages, happened, isPast);
    names.want(
      happened.flatMap(({ kind, subject }) =>
        kind === "member" && subject !== null && !(isPast && names.knows(subject)) ? [subject] : [],
      ),
    );
    // Some memories arrive together with their events. They need not be looked up.
    subjects.want(happened.filter(({ subject }) => !events.memories.has(subject ?? "")));
  };
  events.listen(learnNames);
  // All at once: on an embedded Supabase, each answer waits for everything that the tenant before still asks.
  const [me] = await Promise.all([
    mayfly.people.me(),
    ...[names.start(), agents.start(), messages.start()],
  ]);
  if (me.error) {
    agents.stop();
    await mayfly.close();
    return me;
  }
  const scopes = new Set(me.data.scopes);
  const space: Space = {
    ...{ tenant, mayfly, me: me.data, agents, asked, events, messages, names, subjects },
    may: (scope) => scopes.has(scope),
    learn: (happened) => learnNames(happened, true),
  };
  if (space.may("approval:decide")) asked.start();
  // If the events cannot be read, the page says so, and everything else still works.
  void events.start();
  return { data: space, error: null } satisfies { data: Space; error: MayflyError | null };
}

export async function closeSpace({
  agents,
  asked,
  events,
  messages,
  names,
  subjects,
  mayfly,
}: Space): Promise<void> {
  agents.stop();
  asked.stop();
  messages.stop();
  names.stop();
  subjects.stop();
  await events.stop();
  await mayfly.close();
}

/** Of the messages that are sent while the page opens, at most this many are looked up. */
const newest = 100;

/** Looks up everything that events mention, so that its name is known when it is drawn. */
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
