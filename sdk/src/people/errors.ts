import { MayflyError } from "../contract/errors.ts";

export const nobody = () =>
  new MayflyError({
    code: "not_authorized",
    message: "Nobody is signed in.",
    hint: "Pass new Mayfly({ client }) a supabase-js client in which a person is signed in.",
    details: null,
  });

export const notMember = () =>
  new MayflyError({
    code: "not_authorized",
    message: "The person who is signed in is not a member of this tenant.",
    hint: "Ask an admin of the tenant for an invitation.",
    details: null,
  });
