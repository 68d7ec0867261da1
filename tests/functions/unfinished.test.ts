/** What a function and the Data API answer if the database has undone a call. */
import type { Mayfly } from "@mayfly/sdk";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startTestLocal, type TestLocal } from "#harness/local";

let local: TestLocal;
let mayfly: Mayfly;
beforeAll(async () => {
  local = await startTestLocal();
  ({ mayfly } = await local.enter());
});
afterAll(() => local?.close());

const failWith = (code: string) =>
  local.sql.unsafe(`
    create or replace function public.fail() returns trigger language plpgsql as
      $$ begin raise exception 'canceling statement' using errcode = '${code}'; end $$;
    create or replace trigger fails before insert on mayfly.memories execute function public.fail();
    create or replace trigger fails before insert on mayfly.states execute function public.fail();
  `);

it.each([
  ["57014", /took longer than a statement may take\. Nothing was done\.$/],
  ["40001", /changed the same rows at the same time\. Nothing was done\.$/],
  ["53200", /./],
])("a call that the database ends with %s returns unavailable", async (code, message) => {
  await failWith(code);
  const wanted = { code: "unavailable", message: expect.stringMatching(message) };
  expect((await mayfly.memory.remember({ output: "x" })).error).toMatchObject(wanted);
  expect((await mayfly.state.shared.set("x", 1)).error).toMatchObject(wanted);
});

it("a fault of the database itself returns internal, without the message of the database", async () => {
  await failWith("XX001");
  const { error } = await mayfly.memory.remember({ output: "x" });
  expect(error).toMatchObject({ code: "internal", message: expect.not.stringContaining("cancel") });
});
