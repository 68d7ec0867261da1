/** Arguments that are ids or choices: what each command says about a wrong one. */
import { randomUUID } from "node:crypto";
import { Command } from "commander";
import { describe, expect, it } from "vitest";
import { dataOf } from "#harness/agents";
import { addApprovals } from "../../cli/src/approvals.ts";
import { addJobs } from "../../cli/src/jobs.ts";
import { addRuns } from "../../cli/src/runs.ts";
import { addTeams } from "../../cli/src/teams.ts";
import { addWorkflows } from "../../cli/src/workflows.ts";
import { mayfly, run, setUp } from "./connected.ts";

setUp();

/** How the command line refuses these words, before it connects. Without a process, which takes longer. */
async function refusalOf(command: string): Promise<{ message: string; hint?: string }> {
  const program = new Command("mayfly").enablePositionalOptions().exitOverride();
  program.configureOutput({ outputError: () => {} });
  for (const add of [addJobs, addWorkflows, addApprovals, addRuns, addTeams]) add(program);
  return program.parseAsync(command.split(" "), { from: "user" }).then(
    () => expect.fail(`${command} was accepted.`),
    (error: Error & { hint?: string }) => error,
  );
}

/** Each command that takes an id, with ID in its place. */
const commands = [
  "jobs ID",
  "redrive ID",
  "cancel ID",
  "workflows signal ID stop",
  "workflows cancel ID",
  "workflows move ID --to 2",
  "approvals ID",
  "approve ID",
  "reject ID",
  "runs ID",
  "runs ID --watch",
  "runs cancel ID",
  "runs approve ID",
  "runs reject ID",
  "runs fork ID --at 1",
  "runs replay ID",
  "teams ID",
  "teams stop ID",
  "teams polls ID",
  "teams bids ID",
  "teams artifacts ID",
  "teams alerts ID",
];
const withId = (command: string, id: string) =>
  run(...command.split(" ").map((word) => (word === "ID" ? id : word)));

describe("a command that takes an id", () => {
  it.each(commands)("says that nonsense is no id: %s", async (command) => {
    expect((await refusalOf(command.replace("ID", "nonsense"))).message).toMatch(
      /'nonsense' is invalid .* It must be the whole id of an? .*: mayfly [a-z]+$/,
    );
  });

  it("ends with nonsense as wrong usage", async () => {
    expect(await withId("jobs ID", "nonsense")).toMatchObject({
      code: 2,
      out: "",
      err: expect.stringMatching(/^Command-argument value 'nonsense' is invalid/),
    });
  });

  it.each([...commands, "workflows show ID"])(
    "fails if there is nothing with this id, and says how to find one: %s",
    async (command) => {
      const { code, out, err } = await withId(command, randomUUID());
      expect([code, out]).toEqual([1, ""]);
      expect(err).toMatch(/^There is no .*\nTo list .*: mayfly [a-z]+\n$/);
    },
  );

  it("does nothing to the others if one of several jobs is unknown", async () => {
    const { id } = dataOf(await mayfly.jobs.add("later", {}, { delay: "1h" }));
    const missing = randomUUID();
    const cancelled = await run("cancel", id, missing);
    expect(cancelled).toMatchObject({
      code: 1,
      err: expect.stringContaining(`There is no job ${missing}. Nothing was changed.`),
    });
    expect(dataOf(await mayfly.jobs.get(id)).status).toBe("scheduled");
    const redriven = await run("redrive", id);
    expect(redriven).toMatchObject({
      code: 1,
      err: expect.stringContaining(`The job ${id} is scheduled, so it cannot be redriven.`),
    });
    expect((await run("cancel", id)).out).toContain("1 job cancelled");
    expect(await run("cancel", id)).toMatchObject({
      code: 0,
      out: "Nothing was left to cancel: this work had already ended.\n",
    });
  });

  it("says that a queue has no dead letters, or that a graph does not exist", async () => {
    const [none, graph] = await Promise.all([
      run("redrive", "--queue", "empty"),
      run("workflows", "show", "nonsense"),
    ]);
    expect(none).toMatchObject({
      code: 0,
      out: "There are no dead letters in the queue empty to redrive.\n",
    });
    expect(graph).toMatchObject({
      code: 1,
      err: "There is no graph nonsense.\nTo list graphs: mayfly workflows graphs\n",
    });
  });
});

describe("a command that takes a status", () => {
  it.each(["jobs", "jobs --watch", "runs", "approvals", "workflows"])(
    "names all of them if this is none: %s",
    async (command) => {
      expect((await refusalOf(`${command} --status bogus`)).message).toMatch(
        /'bogus' is invalid\. Allowed choices are .*, cancelled/,
      );
    },
  );
});

describe("a subcommand that does not exist", () => {
  it.each([
    ["jobs redrive", "mayfly redrive <id>"],
    ["jobs cancel", "mayfly cancel <id>"],
    ["jobs show", "mayfly jobs <id>"],
    ["jobs list", "mayfly jobs"],
    ["runs show", "mayfly runs <id>"],
    ["runs redrive", "mayfly redrive <id>"],
    ["workflows redrive", "mayfly redrive <id>"],
    ["workflows list", "mayfly workflows"],
    ["approvals approve", "mayfly approve <id>"],
    ["approvals reject", "mayfly reject <id>"],
    ["teams show", "mayfly teams <id>"],
  ])("names the command to use instead: %s", async (words, right) => {
    const [command, word] = words.split(" ");
    expect(await refusalOf(`${words} ${randomUUID()} --queue mail --help`)).toMatchObject({
      message: `mayfly ${command} has no subcommand ${word}.`,
      hint: `Use: ${right}`,
    });
  });

  it("is wrong usage, in text and JSON", async () => {
    const message = "mayfly jobs has no subcommand redrive.";
    const hint = "Use: mayfly redrive <id>";
    const [text, json] = await Promise.all([
      run("jobs", "redrive", randomUUID()),
      run("jobs", "redrive", "--json"),
    ]);
    expect(text).toEqual({ code: 2, out: "", err: `${message}\n${hint}\n` });
    expect(json.code).toBe(2);
    expect(JSON.parse(json.out)).toMatchObject({ error: { code: "usage", message, hint } });
  });

  it("is not in the help, and every other refusal names the help of its command", async () => {
    expect((await run("jobs", "--help")).out).not.toContain("redrive <id>");
    expect((await run("workflows", "0198f0c2")).err).toMatch(/\nSee: mayfly workflows --help\n$/);
    expect((await run("bogus")).err).toMatch(/\nSee: mayfly --help, or mayfly <command> --help\n$/);
  });
});

it("mayfly stats says whose memories are not those of an agent, with the console's units", async () => {
  dataOf(await mayfly.memory.remember([{ task: "By hand", output: "word ".repeat(400) }]));
  const { out } = await run("stats");
  expect(out).toMatch(/\n1 +people and the secret key\n/);
  expect(out).toMatch(/bytes +\d+ kB of 1\.1 GB/);
});
