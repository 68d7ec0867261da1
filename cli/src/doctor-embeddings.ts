import { developmentEmbedder, type Mayfly } from "@mayfly/sdk";

import type { Connection } from "./connection.ts";
import { type Finding, fine, skipped, warning } from "./finding.ts";
import { inMayfly, probe } from "./probe.ts";

/** Whether the functions' model makes vectors of the length that the database stores. */
export async function checkEmbeddings(connection: Connection, mayfly: Mayfly): Promise<Finding> {
  const check = "embeddings";
  const [kept, asked] = await Promise.all([
    probe(connection, "/rest/v1/rpc/embedding_dimensions", {
      method: "POST",
      body: {},
      headers: inMayfly,
    }),
    mayfly.memory.recall("Does the model answer?", { limit: 1 }),
  ]);
  if (asked.error) return skipped(check, `A recall was refused: ${asked.error.message}`);
  const { model, mode, problem } = asked.data;
  const length = typeof kept.body === "number" ? `; a vector has ${kept.body} numbers` : "";
  if (mode !== "hybrid")
    return warning(
      check,
      `Recall searches by words only: ${problem}${length}.`,
      "Set MAYFLY_EMBEDDINGS_URL, MAYFLY_EMBEDDINGS_MODEL and MAYFLY_EMBEDDINGS_KEY (docs/getting-started.md). mayfly init --dimensions sets how many numbers a vector has",
    );
  const use = model === developmentEmbedder.model ? ", for development" : "";
  return fine(check, `${model} answers${use}${length}.`);
}
