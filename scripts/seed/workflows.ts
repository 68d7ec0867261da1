/** A graph that has ended, and a workflow that waits for an approval and a signal. */
import { graph, workflow } from "@mayfly/sdk";
import { z } from "zod";
import { agentOf, done, type Room } from "./world.ts";

const digest = graph("digest", z.object({ services: z.array(z.string()) }), {
  read: { map: "input.services", result: z.string(), maxAttempts: 3 },
  title: { result: z.string() },
  join: { needs: ["read", "title"], result: z.string() },
  publish: { needs: ["join"], when: '$.join starts with "0"', result: z.null() },
});

const release = workflow("release", z.object({ version: z.string() }), async (ctx, { version }) => {
  const notes = await ctx.step("notes", () => `${version}: checkouts no longer wait for orders`);
  await ctx.report({ percent: 50 });
  await ctx.approve(`Release ${version}?`, { version, notes }, { expiresIn: "30d" });
  return ctx.step("tag", () => ({ tag: `v${version}` }));
});

export const workflows: Room = async (world) => {
  const { mayfly } = world;
  const work = await done(
    agentOf(world, "grace").work({
      ...digest.handlers({
        read: ({ item }) => `${item}: no errors since 09:00`,
        title: ({ input }) => `${input.services.length} services`,
        join: ({ title, read }) => [title, ...read].join("\n"),
        publish: () => null,
      }),
      ...release.handlers,
    }),
  );
  const ended = await done(
    mayfly.workflows.start(digest, { services: ["payment", "orders", "mail"] }),
  );
  await done(mayfly.jobs.ended(ended.id));
  const attributes = { attributes: { service: "checkout" } };
  const waits = await done(mayfly.workflows.start(release, { version: "1.4.2" }, attributes));
  while ((await done(mayfly.workflows.query(waits.id))).status !== "waiting");
  await work.stop();
  return ["2 workflows: a graph of four steps has ended, a release waits for an approval"];
};
