import { type ApplicationClient, isMayflyError, Mayfly } from "@mayfly/sdk";
import { createClient } from "@supabase/supabase-js";
import { expect, it } from "vitest";

const [url, key] = ["http://127.0.0.1:1", "sb_publishable_x"];
const thrownBy = (client: ApplicationClient): unknown => {
  try {
    return new Mayfly({ url, key, client });
  } catch (thrown) {
    return thrown;
  }
};

it("a client with its own accessToken is refused at once, with what to do instead", () => {
  const clerk = createClient(url, key, { accessToken: async () => "a token of Clerk" });
  const error = thrownBy(clerk);
  expect(isMayflyError(error, "invalid_request") && error.details?.field).toBe("client");
  expect(error).toMatchObject({
    message: expect.stringMatching(/Clerk, Auth0/),
    hint: expect.stringMatching(/Supabase Auth.*secret key/),
  });
});

it("anything but a client is refused too, and a client of Supabase Auth is accepted", () => {
  expect(isMayflyError(thrownBy({ auth: {} } as never), "invalid_request")).toBe(true);
  const supabase = createClient(url, key, { auth: { persistSession: false } });
  expect(thrownBy(supabase)).toBeInstanceOf(Mayfly);
});
