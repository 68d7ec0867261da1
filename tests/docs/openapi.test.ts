import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { errorCodes } from "@mayfly/sdk/contract/errors";
import { Validator } from "@seriousme/openapi-schema-validator";
import { describe, expect, it } from "vitest";
import { endpoints, openapi } from "../../scripts/openapi/document.ts";

const root = join(import.meta.dirname, "../..");

describe("docs/openapi.json", () => {
  it("matches the schemas", async () => {
    const text = await readFile(join(root, "docs/openapi.json"), "utf8");
    expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(openapi())));
  });

  it("is valid OpenAPI 3.1", async () => {
    const document = JSON.parse(JSON.stringify(openapi()));
    const validator = new Validator();
    expect(await validator.validate(document)).toEqual({ valid: true });
    expect(validator.version).toBe("3.1");
  });

  it("has exactly the addresses of the functions", async () => {
    const found: string[] = [];
    for (const name of ["spawn", "sync", "query"]) {
      const text = await readFile(join(root, `functions/${name}/handler.ts`), "utf8");
      for (const [, method, path] of text.matchAll(/^app\.(\w+)\("([^"]+)"/gm))
        found.push(`${method} /${name}${path === "/" ? "" : path}`);
    }
    expect(endpoints.map(({ method, path }) => `${method} ${path}`).sort()).toEqual(found.sort());
  });

  it("names every error code", () => {
    const { Error: schema } = openapi().components.schemas;
    const text = JSON.stringify(schema);
    expect(errorCodes.filter((code) => !text.includes(`"${code}"`))).toEqual([]);
  });
});
