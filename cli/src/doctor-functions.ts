import { version } from "@mayfly/sdk/contract/version";
import type { Connection } from "./connection.ts";
import { type Finding, fine, type Hint, warning, wrong } from "./finding.ts";
import { askFunction, functionNames, installedName, isOurs, versionOf } from "./functions.ts";
import { type Answer, codeOf } from "./probe.ts";

/** What to do about a function on the embedded Supabase. */
export const renewFunctions = (start: string): string =>
  `What ${start} prints has the reason. To add or renew the functions: npx mayfly init`;

/** Whether each function is deployed in this version and can be reached without a token. */
export async function checkFunctions(connection: Connection): Promise<Finding[]> {
  const answers = await Promise.all(functionNames.map((name) => askFunction(connection, name)));
  return functionNames.map((name, index) =>
    findingOf(installedName(connection, name), answers[index]),
  );
}

function findingOf(name: string, answer: Answer | undefined): Finding {
  const check = `function ${name}`;
  const command = `npx supabase functions deploy ${name}`;
  const hintOf = (hosted: string): Hint => ({ hosted, embedded: renewFunctions });
  const deploy = hintOf(command);
  if (!answer || answer.reason !== null)
    return wrong(check, `It could not be reached: ${answer?.reason}.`, deploy);
  if (isOurs(answer)) {
    const deployed = versionOf(answer);
    if (deployed === version) return fine(check, `Version ${version} is deployed.`);
    return warning(
      check,
      `${deployed ?? "An older version"} is deployed, but this CLI has ${version}.`,
      deploy,
    );
  }
  if (answer.status === 404) return wrong(check, "It is not deployed.", deploy);
  if (answer.status === 401)
    return wrong(
      check,
      "The platform asks for a token first, because verify_jwt is on.",
      hintOf(
        `Set verify_jwt = false under [functions.${name}] in supabase/config.toml, then run ${command}`,
      ),
    );
  if (answer.status >= 500)
    return wrong(
      check,
      `It does not start: ${answer.status} ${codeOf(answer) ?? ""}`.trim(),
      hintOf(
        `See the reason in the dashboard (Edge Functions → ${name} → Logs), then run ${command}`,
      ),
    );
  return wrong(check, `Something else answers at this address, with ${answer.status}.`, deploy);
}
