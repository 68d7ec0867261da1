import { Mayfly } from "@mayfly/sdk";
import { fromDataApi } from "@mayfly/sdk/internal";
import { describe, expect, it } from "vitest";
import { z } from "zod";

describe("an error of the Data API", () => {
  it("says why nothing answered, and what to do, without a stack", async () => {
    const mayfly = new Mayfly({ url: "http://127.0.0.1:2", key: "sb_secret_x", tenant: "t" });
    const { error } = await mayfly.state.get("plan");
    await mayfly.close();
    expect(error).toMatchObject({
      code: "unavailable",
      message: "The Data API could not be reached: connect ECONNREFUSED 127.0.0.1:2.",
      hint: "Check the URL and the network, then try again.",
      details: null,
    });
  });

  it("repeats what a platform in front says about itself", () => {
    const said = (error: unknown) =>
      fromDataApi({ data: null, error: error as never, status: 503 }, z.unknown()).error?.message;
    const start = "Something in front of the Data API answered 503";
    expect(said({ message: "It is starting." })).toBe(`${start}: It is starting.`);
    const inEnvelope = { code: "functions_unavailable", message: "They have stopped" };
    expect(said({ data: null, error: inEnvelope })).toBe(`${start}: They have stopped.`);
    expect(said("<html>")).toBe(`${start}.`);
  });

  it("about a value that Postgres cannot store says what to do", () => {
    const answer = (code: string, message: string, details: string | null) =>
      fromDataApi({ data: null, error: { code, message, details }, status: 400 }, z.unknown())
        .error;
    const type = answer("22P02", 'invalid input syntax for type uuid: "x"', null);
    const half = answer("22P02", "invalid input syntax for type json", "… low surrogate …");
    const zero = answer("22P05", "unsupported Unicode escape sequence", "\\u0000 cannot …");
    for (const error of [type, half, zero])
      expect(error).toMatchObject({
        code: "invalid_request",
        hint: "Nothing was done. Correct the value.",
      });
    expect(type?.message).toBe('invalid input syntax for type uuid: "x".');
    for (const error of [half, zero])
      expect(error?.message).toBe("A text must not have U+0000 or half a surrogate pair.");
  });
});
