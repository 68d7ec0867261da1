import type { Budget, Fact, Mayfly, Result } from "@mayfly/sdk";
import { oneLine, preview, titleOfMemory } from "../parts/text.ts";
import type { Happening } from "./events.ts";
import { Version } from "./frame.ts";
import { Soon } from "./soon.ts";

/**
 * Subjects are collected for this long and looked up together. So a subject that does not exist, or
 * that the person may not read, is looked up at most once in this time.
 */
const pauseMs = 1_000;
const most = 1_000;
const newest = 200;

/** What an id stands for. */
interface Subject {
  id: string;
  name: string;
  /** The path of its page, if it has one. */
  path?: string[];
}

/** The subjects of one kind to look up: their ids, and the agents that caused the events. */
interface Wanted {
  ids: Set<string>;
  agents: Set<string | null>;
}

/** The names of the subjects of events, which contain only ids. Agents and people are in `Names`. */
export class Subjects {
  readonly version = new Version();
  readonly #mayfly: Mayfly;
  readonly #known = new Map<string, Subject>();
  readonly #wanted = new Map<string, Wanted>();
  readonly #soon = new Soon(pauseMs, () => this.#look());

  constructor(mayfly: Mayfly) {
    this.#mayfly = mayfly;
  }

  stop(): void {
    this.#soon.stop();
  }

  get(id: string): string | undefined {
    return this.#known.get(id)?.name;
  }

  /** The address of its page, without the tenant. */
  pathOf(id: string): string[] | undefined {
    return this.#known.get(id)?.path;
  }

  /** Looks up the subjects of these events that are not known yet. */
  want(happened: readonly Happening[]): void {
    for (const { kind, subject, agentId } of happened) {
      if (subject === null || this.#known.has(subject) || !(kind in lookUps)) continue;
      const wanted = this.#wantedOf(kind);
      wanted.ids.add(subject);
      wanted.agents.add(agentId);
    }
  }

  /** Looks up the subjects of one kind with these ids that are not known yet. */
  wantIds(kind: keyof typeof lookUps, ids: readonly string[]): void {
    for (const id of ids) if (!this.#known.has(id)) this.#wantedOf(kind).ids.add(id);
  }

  /** The subjects of this kind that are looked up next. */
  #wantedOf(kind: string): Wanted {
    const wanted = this.#wanted.get(kind) ?? { ids: new Set(), agents: new Set() };
    this.#wanted.set(kind, wanted);
    this.#soon.call();
    return wanted;
  }

  async #look(): Promise<void> {
    const wanted = [...this.#wanted];
    this.#wanted.clear();
    await Promise.all(
      wanted.map(async ([kind, of]) => {
        for (const subject of (await lookUps[kind]?.(this.#mayfly, of)) ?? [])
          this.#known.set(subject.id, subject);
      }),
    );
    this.version.changed();
  }
}

/** The subjects that were found and that the person may read. */
const found = async <T>(asked: Promise<Result<T[]>>, toSubject: (one: T) => Subject) =>
  ((await asked).data ?? []).map(toSubject);

const lookUps: Record<string, (mayfly: Mayfly, wanted: Wanted) => Promise<Subject[]>> = {
  job: (mayfly, { ids }) => findJobs(mayfly, ids, "jobs", (name) => name),
  run: ({ runs }) =>
    found(runs.list({ limit: newest }), ({ id, agent }) => ({
      ...{ id, name: oneLine(agent), path: ["runs", id] },
    })),
  memory: findMemories,
  approval: ({ approvals }) =>
    found(approvals.list({ limit: newest }), ({ id, title }) => ({
      ...{ id, name: oneLine(title), path: ["approvals", id] },
    })),
  channel: findChannels,
  fact: findFacts,
  team: findTeams,
  workflow: (mayfly, { ids }) =>
    findJobs(mayfly, ids, "workflows", (name) => name.replace(/^workflow:/, "")),
  artifact: ({ artifacts }) =>
    found(artifacts.list({ limit: newest }), ({ id, name }) => ({
      ...{ id, name: oneLine(name) },
    })),
  budget: ({ costs }) =>
    found(costs.budgets.list(), (budget) => ({
      ...{ id: budget.id, name: sayBudget(budget), path: ["health"] },
    })),
  poll: ({ teams }) =>
    found(teams.polls.list({ limit: newest }), ({ id, question, team }) => ({
      ...{ id, name: oneLine(question), path: team ? ["teams", team] : ["teams"] },
    })),
  tender: ({ teams }) =>
    found(teams.tenders.list({ limit: newest }), ({ id, job, team }) => ({
      ...{ id, name: oneLine(String(job.name)), path: team ? ["teams", team] : ["teams"] },
    })),
  // A state is looked up among the shared states and among the states of the agents that caused the
  // events.
  state: async ({ state }, { agents }) => {
    const owners = [...agents].filter((id) => id !== null);
    const lists = [
      found(state.list({ limit: 500 }), ({ id, key }) => ({
        ...{ id, name: oneLine(key), path: ["state", "shared", key] },
      })),
      ...owners.map((owner) =>
        found(state.of(owner).list({ limit: 500 }), ({ id, key }) => ({
          ...{ id, name: oneLine(key), path: ["state", owner, key] },
        })),
      ),
    ];
    return (await Promise.all(lists)).flat();
  },
};

/** How many memories one call may ask for, and how many calls are made at once. */
const [memoriesAtOnce, memoryCalls] = [100, 3];

/** The memories with these ids. If there are too many, the newest of them. */
async function findMemories({ memory }: Mayfly, { ids }: Wanted): Promise<Subject[]> {
  const wanted = [...ids].slice(-memoriesAtOnce * memoryCalls);
  const calls: Promise<Subject[]>[] = [];
  for (let at = 0; at < wanted.length; at += memoriesAtOnce) {
    const asked = memory.list({
      ids: wanted.slice(at, at + memoriesAtOnce),
      limit: memoriesAtOnce,
    });
    calls.push(
      asked.then(({ data }) =>
        (data?.memories ?? []).map((one) => ({
          ...{ id: one.id, name: titleOfMemory(one), path: ["memory", one.id] },
        })),
      ),
    );
  }
  return (await Promise.all(calls)).flat();
}

/** If there are too many, looks up only the newest, because older ones may have left the page already. */
const findJobs = (
  { jobs }: Mayfly,
  ids: Iterable<string>,
  page: string,
  shown: (name: string) => string,
): Promise<Subject[]> =>
  found(jobs.list({ ids: [...ids].slice(-most), limit: most }), ({ id, name }) => ({
    ...{ id, name: oneLine(shown(name)), path: [page, id] },
  }));

/**
 * How many pages of facts are searched for the wanted facts. Facts are listed newest first, including facts
 * that have ended.
 */
const factPages = 5;

async function findFacts({ facts }: Mayfly, { ids }: Wanted): Promise<Subject[]> {
  const all: Subject[] = [];
  const missing = new Set(ids);
  let before: string | undefined;
  for (let page = 0; page < factPages && missing.size > 0; page++) {
    const { data } = await facts.list({ history: true, limit: newest, ...(before && { before }) });
    for (const fact of data ?? []) {
      missing.delete(fact.id);
      all.push({ id: fact.id, name: sayFact(fact), path: ["memory"] });
    }
    if (!data || data.length < newest) break;
    before = data.at(-1)?.id;
  }
  return all;
}

/** The channel of a team is called `team-<its own id>`, so it gets the name of the team. */
async function findChannels({ channels, teams }: Mayfly): Promise<Subject[]> {
  const all = (await channels.list()).data ?? [];
  const isOfTeam = ({ id, name }: { id: string; name: string }) => name === `team-${id}`;
  const known = all.some(isOfTeam) ? ((await teams.list({ limit: newest })).data ?? []) : [];
  return all.flatMap((channel) => {
    const team = known.find((one) => one.channel === channel.name);
    if (isOfTeam(channel) && !team) return [];
    const name = team ? oneLine(team.name) : `#${oneLine(channel.name)}`;
    return [{ id: channel.id, name, path: ["channels", channel.name] }];
  });
}

/** How many teams are searched for the wanted alerts. */
const alertTeams = 10;

/** Teams, and their alerts, because the events of alerts begin with `team`, too. */
async function findTeams({ teams }: Mayfly, { ids }: Wanted): Promise<Subject[]> {
  const all = (await teams.list({ limit: newest })).data ?? [];
  const known = all.map(({ id, name }) => ({ id, name: oneLine(name), path: ["teams", id] }));
  const isTeam = (id: string) => all.some((team) => team.id === id);
  if (all.length === 0 || [...ids].every(isTeam)) return known;
  const alerts = all.slice(0, alertTeams).map((team) =>
    found(teams.of(team.id).alerts({ every: true }), ({ id, kind }) => ({
      ...{
        id,
        name: `${kind.replace("_", " ")} in ${oneLine(team.name)}`,
        path: ["teams", team.id],
      },
    })),
  );
  return [...known, ...(await Promise.all(alerts)).flat()];
}

const sayBudget = ({ level, subject, period }: Budget): string =>
  `${level === "tenant" ? "the tenant" : `${level} ${oneLine(subject)}`}, ${period === "total" ? "in all" : `a ${period}`}`;

const sayFact = ({ subject, predicate, object, value }: Fact): string =>
  oneLine(`${subject.name} ${predicate} ${object?.name ?? preview(value, 60)}`);
