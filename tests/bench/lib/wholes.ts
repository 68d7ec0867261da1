/**
 * Whole recalls by an agent, with their checks, compared with plain queries that read as many rows and check
 * no caller. Measures the CPU time of the server's process, which other work on the machine does not change.
 */
import { type Backend, openBackend } from "#harness/backend";
import { type Claims, makeAgent, makeTenant, type Sql } from "#harness/callers";
import { compareCosts } from "./cost.ts";
import { report } from "./report.ts";
import { rounds, unlimited } from "./target.ts";

type Question = [words: string | null, vector: string | null];

/** What is compared in a tenant of this size: kinds of questions, and the plain queries for a question. */
export interface Wholes {
  size: number;
  tenant: string;
  claims: Claims;
  kinds: Record<string, () => Question>;
  plainly(owner: Backend, ...question: Question): Promise<unknown>;
}

/** The columns that a plain query reads of the memories that it finds. A recall returns the same columns. */
export const columns = `m.id, m.agent_id, m.kind, m.task, m.input, m.output, m.critique, m.reward, m.importance, m.tags,
  m.metadata, m.created_at`;

/** The plain query by words. `seen` limits which memories it may find. */
export const plainWords = (owner: Backend, tenant: string, words: string, seen = "true") =>
  owner.query<{ id: string }>(
    `select ${columns} from mayfly.memories m, to_tsquery('english', $1) q
    where m.tenant_id = $2 and m.words @@ q and ${seen} order by ts_rank(m.words, q, 1) desc limit 10`,
    [words.replaceAll(" ", " | "), tenant],
  );

/** One of the subjects that fillTenant gives to memories. */
export const rareWord = (size: number) =>
  `subject${Math.floor(Math.random() * Math.min(size, 1_000))}`;

export async function compareWholes(
  url: string,
  bench: string,
  { size, claims, kinds, plainly }: Wholes,
): Promise<void> {
  const [agent, owner] = [await openBackend(url, claims), await openBackend(url)];
  const recall = (words: string | null, vector: string | null) =>
    agent.query(
      "select * from mayfly.recall($1, $2::text::extensions.halfvec(384)::real[], 'bench')",
      [words, vector],
    );
  for (const [name, ask] of Object.entries(kinds)) {
    const asked = new Map<number, Question>();
    const questionOf = (round: number) => {
      const known = asked.get(round) ?? ask();
      asked.set(round, known);
      return known;
    };
    const { ours, baseline } = await compareCosts(
      rounds(100, 20),
      { backend: agent, prepare: (round) => () => recall(...questionOf(round)) },
      { backend: owner, prepare: (round) => () => plainly(owner, ...questionOf(round)) },
    );
    // The goal leaves half a millisecond to check the caller and to merge the results, at any size of the
    // tenant.
    const goal = 2 * baseline.median + 0.5;
    report({
      bench,
      name,
      on: "postgres",
      against: "2 × the plain queries + 0.5 ms",
      size,
      unit: "ms of CPU",
      ours: ours.median,
      baseline: goal,
      ratio: ours.median / goal,
    });
  }
  await Promise.all([agent.close(), owner.close()]);
}

/** The plain query for what recall does in conversations: reads the two memories before and after each of these. */
const plainNeighbours = (owner: Backend, tenant: string, ids: string[]) => {
  const side = (than: string, order: string) => `(
    select ${columns} from mayfly.memories m
    where m.tenant_id = $1 and coalesce(m.conversation_id, m.session_id) = coalesce(h.conversation_id, h.session_id)
      and (m.created_at, m.id) ${than} (h.created_at, h.id)
    order by m.created_at ${order}, m.id ${order} limit 2)`;
  return owner.query(
    `select n.* from unnest($2::uuid[]) f (id)
    join mayfly.memories h on h.tenant_id = $1 and h.id = f.id
    cross join lateral (${side(">", "")} union all ${side("<", "desc")}) n`,
    [tenant, ids],
  );
};

/**
 * Makes two tenants with `size` memories about subjects. In the first, the memories are ten turns each of
 * conversations. In the second, a third are private to the caller and a third are private to another agent.
 */
export async function fillSpecial(sql: Sql, size: number): Promise<Wholes[]> {
  const fill = async (task: string) => {
    const tenant = await makeTenant(sql, unlimited);
    const { id, claims } = await makeAgent(sql, tenant, { lifetime: 3_600 });
    const other = await makeAgent(sql, tenant, { lifetime: 3_600 });
    await sql.unsafe(
      `
      insert into mayfly.memories (tenant_id, id, task, created_at, conversation_id, visibility, agent_id)
      select '${tenant}', gen_random_uuid(), 'task ' || n || ' on subject' || n % 1000, now() - interval '1 day' + n * interval '1 second', ${task}
      from generate_series(1, ${size}) n`
        .replaceAll(":own", `'${id}'`)
        .replaceAll(":other", `'${other.id}'`),
    );
    return { tenant, id, claims };
  };
  const conversations = await fill(
    "('00000000-0000-4000-8000-' || lpad((n / 10)::text, 12, '0'))::uuid, 'tenant', :own::uuid",
  );
  const privates = await fill(
    "null, case when n % 3 = 2 then 'tenant' else 'agent' end, case when n % 3 = 0 then :other else :own end::uuid",
  );
  /** A subject of a memory that everyone in the tenant may see. */
  const visible = () =>
    `subject${3 * Math.floor(Math.random() * Math.floor(Math.min(size, 999) / 3)) + 2}`;
  return [
    {
      ...conversations,
      size,
      kinds: {
        "recall by a rare word, in conversations": () => [visible(), null],
        "recall by a rare word and a word in every memory, in conversations": () => [
          `task ${visible()}`,
          null,
        ],
      },
      async plainly(owner, words) {
        const found = await plainWords(owner, conversations.tenant, words ?? "");
        await plainNeighbours(
          owner,
          conversations.tenant,
          found.map((row) => row.id),
        );
      },
    },
    {
      ...privates,
      size,
      kinds: {
        "recall by a rare word, with private memories": () => [visible(), null],
        "recall by a rare word and a word in every memory, with private memories": () => [
          `task ${visible()}`,
          null,
        ],
      },
      plainly: (owner, words) =>
        plainWords(
          owner,
          privates.tenant,
          words ?? "",
          `(m.visibility = 'tenant' or m.agent_id = '${privates.id}')`,
        ),
    },
  ];
}
