import { randomInt } from "node:crypto";

/** Genera of mayflies. */
const genera = [
  "baetis",
  "cloeon",
  "ephemera",
  "caenis",
  "siphlonurus",
  "ecdyonurus",
  "rhithrogena",
  "leptophlebia",
  "epeorus",
  "hexagenia",
  "isonychia",
  "ameletus",
  "drunella",
  "tricorythodes",
  "callibaetis",
  "potamanthus",
] as const;

/** Gives each agent of a run a name that no earlier agent is likely to have had. */
export function namer(): () => string {
  const run = randomInt(36 ** 4)
    .toString(36)
    .padStart(4, "0");
  let count = 0;
  return () => {
    const round = Math.floor(count / genera.length);
    const genus = genera[count++ % genera.length];
    return `${genus}-${run}${round > 0 ? `-${round + 1}` : ""}`;
  };
}
