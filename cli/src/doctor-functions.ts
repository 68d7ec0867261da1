import { version } from "@mayfly/sdk/contract/version";
import type { Connection } from "./connection.ts";
import { type Finding, fine, warning, wrong } from "./finding.ts";
import { askFunction, functionNames, installedName, isOurs, versionOf } from "./functions.ts";
import { type Answer, codeOf } from "./probe.ts";

/** Whether each function is deployed in this version and can be reached without a token. */
export async function checkFunctions(connection: Connection): Promise<Finding[]> {
  const answers = await Promise.all(functionNames.map((name) => askFunction(connection, name)));
  return functionNames.map((name, index) =>
    findingOf(installedName(connection, name), answers[index]),
  );
}

function findingOf(name: string, answer: Answer | undefined): Finding {
  const check = `function ${name}`;
  const deploy = `npx supabase functions deploy ${name}`;
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
      `Set verify_jwt = false under [functions.${name}] in supabase/config.toml, then run ${deploy}`,
    );
  if (answer.status >= 500)
    return wrong(
      check,
      `It does not start: ${answer.status} ${codeOf(answer) ?? ""}`.trim(),
      `See the reason in the dashboard (Edge Functions → ${name} → Logs), then run ${deploy}`,
    );
  return wrong(check, `Something else answers at this address, with ${answer.status}.`, deploy);
}
