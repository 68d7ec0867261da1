import { readdir } from "node:fs/promises";
import { afterAll, beforeAll, beforeEach, test } from "vitest";
import type { RealtimeLimits } from "../../../local/src/realtime/index.ts";
import { openDatabase, startProject, type TestDatabase } from "./harness.ts";
import { type ReplayOptions, replay } from "./replay.ts";

const folder = new URL("transcripts/", import.meta.url);
const files = (await readdir(folder)).filter((name) => name.endsWith(".jsonl")).sort();

/** Settings of a scenario's tenant, or a clock that is faster here. */
const limits: Record<string, Partial<RealtimeLimits>> = {
  "00": { joinErrorBackoffMs: 300 },
  "14": { idleTimeoutMs: 600 },
  "20": { channelsPerConnection: 2 },
  "21": { payloadKb: 1 },
  "22": { privateOnly: true },
  "23": { suspended: true },
};

/** Plays every recorded scenario of one serializer against its own server. */
export function replayAll(version: "v1" | "v2"): void {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await openDatabase();
  });
  afterAll(() => database?.close());
  beforeEach(() => database.sql`truncate realtime.messages, public.todos`);

  for (const file of files.filter((name) => name.includes(`.${version}.`))) {
    const number = file.slice(0, 2);
    // Known differences: see local/src/realtime/README.md.
    if (number === "12") continue;
    test(`the frames of ${file} are those of the real server`, async () => {
      const project = await startProject(database.url, limits[number]);
      const options: Record<string, ReplayOptions> = {
        "00": { hangsUp: true, cause: unrecordedCauses(project.url, database) },
        "14": { speed: 100, closedByServer: ["A"] },
      };
      try {
        await replay(new URL(file, folder), project, database, options[number]);
      } finally {
        await project.close();
      }
    });
  }
}

/** What was done besides sending frames while scenario 00 was recorded. */
function unrecordedCauses(
  url: string,
  database: TestDatabase,
): NonNullable<ReplayOptions["cause"]> {
  return async (frame, token) => {
    if (frame.includes("dbev"))
      await database.sql`select realtime.send('{"x":1}', 'dbev', 'priv:room')`;
    if (frame.includes("viahttp"))
      await fetch(
        `${url}/realtime/v1/api/broadcast/${encodeURIComponent("priv:room")}/events/viahttp?private=true`,
        {
          method: "POST",
          headers: {
            "content-type": "application/json",
            authorization: `Bearer ${await token("<ALICE_JWT>")}`,
          },
          body: '{"h":1}',
        },
      );
  };
}
