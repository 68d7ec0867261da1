import type { Command } from "commander";
import { execute, type ProjectOptions, type Session, withProject } from "./command.ts";
import { type Connection, findConnection } from "./connection.ts";
import { type Broadcasts, lossOf } from "./doctor-broadcasts.ts";
import { enter, everyTenant, type KnownTenant } from "./entry.ts";
import { printable } from "./format-values.ts";
import { askFunction, functionNames, isOurs, versionOf } from "./functions.ts";
import type { Output } from "./output.ts";
import { type Answer, inMayfly, probe } from "./probe.ts";
import { privateJoin } from "./realtime.ts";

/** A part of the project: whether it answers correctly, and how fast. */
interface Component {
  name: string;
  state: "ok" | "down";
  ms: number;
  /** The version of this part, or what answered in its place. */
  note: string | null;
}

const examples = `
Examples:
  mayfly status
  mayfly status --json | jq -r '.components[] | select(.state == "down") | .name'`;

export function addStatus(program: Command): void {
  const command = program
    .command("status")
    .description("check whether each part of the project answers, and list tenants")
    .addHelpText("after", examples);
  withProject(command, { tenant: false }).action((options: ProjectOptions) =>
    execute(options, (session) => status(options, session)),
  );
}

async function status(options: ProjectOptions, { output }: Session): Promise<number> {
  const connection = await findConnection(options);
  const [lost, data, auth, realtime, ...functions] = await Promise.all([
    lostBroadcasts(connection),
    dataApi(connection),
    authServer(connection),
    realtimeServer(connection),
    ...functionNames.map((name) => edgeFunction(connection, name)),
  ]);
  const components = [data.component, auth, realtime, ...functions];
  const ok = components.every(({ state }) => state === "ok");
  const { tenants } = data;
  output.answer({ url: connection.url, ok, components, tenants, lost_broadcasts: lost }, () => [
    connection.url,
    "",
    ...components.map((component) => lineOf(component, output)),
    ...(tenants.length > 0
      ? [
          "",
          ...output.table(
            ["TENANT", "NAME"],
            tenants.map(({ id, name }) => [id, printable(name)]),
          ),
        ]
      : []),
  ]);
  if (lost && lost.tenants > 0) output.note(lossOf(lost));
  if (!ok) output.note("To see what to do, run mayfly doctor");
  return ok ? 0 : 1;
}

function lineOf({ name, state, ms, note }: Component, output: Output): string {
  const mark = state === "ok" ? output.paint("green", "ok  ") : output.paint("red", "down");
  return `${mark}  ${name.padEnd(16)} ${`${ms} ms`.padStart(8)}  ${output.paint("dim", note ?? "")}`.trimEnd();
}

async function dataApi(
  connection: Connection,
): Promise<{ component: Component; tenants: KnownTenant[] }> {
  const entry = await enter(connection);
  const tenants = entry.at === "inside" ? await everyTenant(connection, entry.tenants) : undefined;
  const note =
    entry.at === "inside" ? (tenants ? null : "it did not list all tenants") : entry.message;
  return {
    component: { name: "data api", state: tenants ? "ok" : "down", ms: entry.ms, note },
    tenants: tenants ?? [],
  };
}

/** Lost broadcasts that readers noticed in the last ten minutes. Null if the key may not ask. */
async function lostBroadcasts(connection: Connection): Promise<Broadcasts["lost"] | null> {
  const answer = await probe(connection, "/rest/v1/rpc/installation", {
    method: "POST",
    body: {},
    headers: inMayfly,
  });
  if (answer.status !== 200) return null;
  return (answer.body as { broadcasts?: Broadcasts } | null)?.broadcasts?.lost ?? null;
}

async function authServer(connection: Connection): Promise<Component> {
  const answer = await probe(connection, "/auth/v1/settings");
  return componentOf("auth", answer, answer.status === 200, null);
}

async function edgeFunction(connection: Connection, name: string): Promise<Component> {
  const answer = await askFunction(connection, name);
  return componentOf(`function ${name}`, answer, isOurs(answer), versionOf(answer));
}

function componentOf(name: string, answer: Answer, ok: boolean, version: string | null): Component {
  const wrong = answer.reason ?? `answered ${answer.status}`;
  return { name, state: ok ? "ok" : "down", ms: answer.ms, note: ok ? version : wrong };
}

async function realtimeServer(connection: Connection): Promise<Component> {
  const { problem, ms } = await privateJoin(connection, "mayfly:status");
  return { name: "realtime", state: problem === null ? "ok" : "down", ms, note: problem };
}
