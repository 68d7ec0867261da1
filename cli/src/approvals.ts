import type { Approval, ApprovalDetails, ApprovalStatus, ListedApproval } from "@mayfly/sdk";
import { type Command, Option } from "commander";
import { AgentNames } from "./agent-names.ts";
import { approvalStatuses, idOf, pointTo } from "./arguments.ts";
import { execute, type ProjectOptions, type Session, whole, withProject } from "./command.ts";
import { dataOf } from "./failure.ts";
import { duration, printable } from "./format-values.ts";
import { openProject } from "./project.ts";

interface ListOptions extends ProjectOptions {
  status?: ApprovalStatus;
  mine?: boolean;
  limit: number;
}
interface DecideOptions extends ProjectOptions {
  reason?: string;
  input?: string;
  digest?: string;
}

export function addApprovals(program: Command): void {
  const approvals = program
    .command("approvals")
    .argument(
      "[id]",
      "id of an approval to show, with its input and decisions",
      idOf("an approval"),
    )
    .description("list approvals, or show one")
    .addOption(
      new Option("--status <status>", "with this status, by default pending").choices(
        approvalStatuses,
      ),
    )
    .option("--mine", "only those that you may decide")
    .option("--limit <number>", "list at most this many", whole(1, 1_000), 50)
    .addHelpText("after", "\nExamples:\n  mayfly approvals --mine\n  mayfly approvals 5f0c12…");
  withProject(approvals).action((id: string | undefined, options: ListOptions) =>
    execute(options, (session) => (id ? show(id, options, session) : list(options, session))),
  );
  pointTo(approvals, {
    approve: "mayfly approve <id>",
    reject: "mayfly reject <id>",
    show: "mayfly approvals <id>",
    list: "mayfly approvals",
  });
  const approve = program
    .command("approve")
    .argument("<id>", "id of the approval", idOf("an approval"))
    .description("approve what an approval asks")
    .option("--reason <text>", "reason, which the requester sees")
    .option("--input <json>", "approve this input instead of the requested one")
    .option("--digest <hex>", "digest that you saw; fails if the input has changed since")
    .addHelpText("after", `\nExamples:\n  mayfly approve 5f0c12… --reason "Tested on staging"`);
  withProject(approve).action((id: string, options: DecideOptions) =>
    execute(options, (session) => decide("approve", id, options, session)),
  );
  const reject = program
    .command("reject")
    .argument("<id>", "id of the approval", idOf("an approval"))
    .description("reject what an approval asks")
    .option("--reason <text>", "reason, which the requester sees")
    .addHelpText("after", `\nExamples:\n  mayfly reject 5f0c12… --reason "Not on a Friday"`);
  withProject(reject).action((id: string, options: DecideOptions) =>
    execute(options, (session) => decide("reject", id, options, session)),
  );
}

async function list(options: ListOptions, { output }: Session): Promise<undefined> {
  const { mayfly } = await openProject(options, output);
  const { status = "pending", mine = false, limit } = options;
  const approvals = dataOf(await mayfly.approvals.list({ status, mine, limit }));
  output.answer({ approvals }, () =>
    approvals.length === 0 ? [`No approval is ${status}.`] : approvals.map(lineOf),
  );
  return undefined;
}

const lineOf = (approval: Approval | ListedApproval) =>
  [
    approval.id,
    approval.status.padEnd(9),
    printable(approval.title),
    approval.category,
    `for ${duration(Date.now() - approval.createdAt.getTime())}`,
    approval.quorum > 1 ? `needs ${approval.quorum}` : "",
    "decidable" in approval && approval.decidable ? "yours to decide" : "",
  ]
    .filter(Boolean)
    .join("  ");

async function show(id: string, options: ListOptions, { output }: Session): Promise<undefined> {
  const project = await openProject(options, output);
  const approval = dataOf(await project.mayfly.approvals.get(id));
  const names = new AgentNames(project);
  if (!output.json)
    await names.learn(
      approval.decisions.flatMap(({ kind, by, to }) => [kind === "agent" ? by : null, to ?? null]),
    );
  output.answer(approval, () => treeOf(approval, names));
  return undefined;
}

const treeOf = (approval: ApprovalDetails, names: AgentNames): string[] => [
  lineOf(approval),
  `├ input ${printable(JSON.stringify(approval.input))}`,
  `├ digest ${approval.digest}`,
  ...(approval.jobId ? [`├ job ${approval.jobId}, step ${printable(approval.step ?? "")}`] : []),
  ...approval.decisions.map(({ by, kind, verdict, to, reason, counts }) =>
    [
      `├ ${verdict}`,
      kind === "secret" ? "by the secret key" : `by ${kind} ${printable(names.of(by) ?? by ?? "")}`,
      to ? `to ${printable(names.of(to) ?? to)}` : "",
      counts === false ? "(of another input)" : "",
      printable(reason ?? ""),
    ]
      .filter(Boolean)
      .join(" "),
  ),
  `└ ${approval.expiresAt ? `expires ${approval.expiresAt.toISOString()}` : "never expires"}`,
];

async function decide(
  verdict: "approve" | "reject",
  id: string,
  options: DecideOptions,
  { output }: Session,
): Promise<number | undefined> {
  const { reason, input, digest } = options;
  const changed = input === undefined ? undefined : parsed(input);
  if (changed instanceof Error) {
    output.problem(`--input is not JSON: ${changed.message}`);
    return 2;
  }
  const { mayfly } = await openProject(options, output);
  const asked = dataOf(await mayfly.approvals.get(id));
  const seen = { id: asked.id, digest: digest ?? asked.digest };
  const more = { ...(reason && { reason }) };
  const approval = dataOf(
    verdict === "reject"
      ? await mayfly.approvals.reject(seen, more)
      : await mayfly.approvals.approve(seen, {
          ...more,
          ...(input !== undefined && { input: changed }),
        }),
  );
  output.answer(approval, () => [
    approval.status === "pending"
      ? `Recorded. ${approval.quorum} approvals are needed.`
      : `${printable(approval.title)}: ${approval.status}.`,
  ]);
  return undefined;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    return error as Error;
  }
}
