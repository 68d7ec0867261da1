import { describe, expect, it } from "vitest";
import { rowsOf } from "./compatibility.ts";
import { callingFeatures } from "./postgrest-calling.ts";
import { embeddingFeatures } from "./postgrest-embedding.ts";
import { setUp } from "./postgrest-project.ts";
import { readingFeatures } from "./postgrest-reading.ts";

const features = [...readingFeatures, ...embeddingFeatures, ...callingFeatures];

setUp();

describe("PostgREST's features", () => {
  it.each(features)("%s", async (_name, _verdict, check) => check());

  it("are in the table with what they do", async () => {
    const verdicts = features.map(([name, verdict]) => [name, verdict]);
    expect(await rowsOf("PostgREST")).toEqual(verdicts);
  });
});
