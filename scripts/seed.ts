// Fills a tenant of this name with data, by default the tenant seed. Uses the project that `npm start` serves, or
// the one that MAYFLY_URL and MAYFLY_KEY name.
import { join } from "node:path";
import { findRunning } from "@mayfly/local";
import { readArguments } from "../examples/arguments.ts";
import { seed } from "./seed/index.ts";

const [name = "seed"] = readArguments("[name]").words;
const ending = new AbortController();
for (const [name, code] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const)
  process.on(name, () => {
    // A second Ctrl-C ends the process at once.
    if (ending.signal.aborted) process.exit(code);
    process.exitCode = code;
    console.error("Stopping, and erasing the incomplete tenant…");
    ending.abort(new Error("Stopped. The incomplete tenant was erased."));
  });
const { MAYFLY_URL, MAYFLY_KEY } = process.env;
try {
  if (MAYFLY_URL && !MAYFLY_KEY)
    throw new Error("MAYFLY_URL names a project, so MAYFLY_KEY has to be set too.");
  const running = MAYFLY_URL ? undefined : await findStack();
  if (!MAYFLY_URL && !running)
    throw new Error(
      "No project is running in this folder. Start one in another terminal: npm start, or npm run dev, which seeds.",
    );
  const url = MAYFLY_URL ?? running?.apiUrl ?? "";
  const key = MAYFLY_KEY ?? running?.secretKey ?? "";
  const tenant = await seed({ url, key, name, say: console.log, signal: ending.signal });
  if (tenant === null) {
    console.log(`There is a tenant ${name} already, and it is left as it is.`);
    console.log("Another one beside it: npm run seed -- <another name>");
  } else {
    console.log(`\nThe tenant ${name} is ${tenant}.`);
    console.log(whereToLook(tenant, name, running?.studioUrl));
  }
} catch (error) {
  const { message = String(error), hint } = error as { message?: string; hint?: string | null };
  console.error([message, hint].filter(Boolean).join(" "));
  process.exitCode ??= 1;
}

/** The project that `npm start` or `npm run dev` serves. */
async function findStack() {
  const data = join(import.meta.dirname, "../.mayfly");
  return (await findRunning(data)) ?? (await findRunning(join(data, "dev")));
}

function whereToLook(tenant: string, name: string, studio: string | undefined): string {
  // Other names would need quotes in a shell.
  const named = /^\w[\w.-]*$/.test(name) ? name : tenant;
  const lines = [
    ["in the console", `npx mayfly console --tenant ${named}`],
    ["from the shell", `npx mayfly use ${named}, and then for example: npx mayfly agents`],
    ...(studio
      ? [
          ["every table", studio],
          [
            "in SQL",
            `psql "$(npm run -s db:url)" -f sql/agents/inspect/agents.sql   (and the other rooms')`,
          ],
        ]
      : []),
    [
      "from a program",
      `new Mayfly({ url, key, tenant: "${tenant}" })${studio ? ", with the keys of: npm run -s status" : ""}`,
    ],
  ];
  const told = lines.map(([place = "", how]) => `  ${place.padEnd(18)}  ${how}`);
  return ["", "Where to look:", ...told].join("\n");
}
