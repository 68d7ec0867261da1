import { expect } from "vitest";
import { type Feature, json, refused } from "./postgrest-project.ts";

/** What PostgREST's documentation promises for related tables and aggregates, one line for each feature. */
export const embeddingFeatures: Feature[] = [
  [
    "embedding: to one, to many, one to one, many to many, nested",
    "works",
    async () => {
      expect(await json("tasks?select=name,projects(name,clients(name))&id=eq.3")).toEqual([
        { name: "task 3", projects: { name: "one", clients: { name: "Apple" } } },
      ]);
      expect(
        await json("clients?select=name,projects(id)&order=id&projects.order=id.desc"),
      ).toEqual([
        { name: "Apple", projects: [{ id: 2 }, { id: 1 }] },
        { name: "Google", projects: [{ id: 3 }] },
        { name: null, projects: [] },
      ]);
      expect(await json("people?select=name,passports(number)&order=id&limit=2")).toEqual([
        { name: "ann", passports: { number: "P1" } },
        { name: "bob", passports: null },
      ]);
      expect(
        await json("people?select=name,projects!memberships(name)&id=eq.1&projects.order=id"),
      ).toEqual([{ name: "ann", projects: [{ name: "one" }, { name: "two" }] }]);
    },
  ],
  [
    "embedding: which of several foreign keys, aliases",
    "works",
    async () => {
      await refused("projects?select=people(name)", "PGRST201", 300);
      expect(
        await json(
          "projects?select=lead:people!projects_lead_fkey(name),people!second(name)&id=eq.1",
        ),
      ).toEqual([{ lead: { name: "ann" }, people: { name: "bob" } }]);
      await refused("projects?select=nope(name)", "PGRST200", 400);
    },
  ],
  [
    "embedding: of the table itself",
    "works",
    async () => {
      expect(await json("people?select=name,people(name)&id=eq.1&people.order=id")).toEqual([
        { name: "ann", people: [{ name: "bob" }, { name: "cyd" }] },
      ]);
    },
  ],
  [
    "embedding: filters, order, limit, inner joins",
    "works",
    async () => {
      expect(
        await json("clients?select=id,projects(id)&projects.name=eq.two&order=id&projects.limit=1"),
      ).toEqual([
        { id: 1, projects: [{ id: 2 }] },
        { id: 2, projects: [] },
        { id: 3, projects: [] },
      ]);
      const inner = await json("clients?select=id,projects!inner(id)&projects.name=eq.two");
      expect(inner).toEqual([{ id: 1, projects: [{ id: 2 }] }]);
      expect(await json("clients?select=id,projects()&projects=not.is.null&order=id")).toEqual([
        { id: 1 },
        { id: 2 },
      ]);
      expect(await json("clients?select=id,projects()&projects=is.null")).toEqual([{ id: 3 }]);
    },
  ],
  [
    "embedding: order by a related column",
    "works",
    async () => {
      const ordered = await json(
        "projects?select=id,clients(name)&order=clients(name).desc.nullslast,id",
      );
      expect(ordered.map(({ id }: { id: number }) => id)).toEqual([3, 1, 2, 4]);
    },
  ],
  [
    "embedding: or across tables",
    "says no",
    async () => {
      await refused(
        "projects?select=id,clients()&or=(name.eq.three,clients.is.null)",
        "42703",
        400,
      );
    },
  ],
  [
    "embedding: spread",
    "works",
    async () => {
      expect(await json("projects?select=id,...clients(client:name)&id=eq.1")).toEqual([
        { id: 1, client: "Apple" },
      ]);
      expect(
        await json("clients?select=id,...projects(names:name)&id=eq.1&projects.order=id"),
      ).toEqual([{ id: 1, names: ["one", "two"] }]);
    },
  ],
  [
    "embedding: of views",
    "works",
    async () => {
      expect(await json("project_names?select=name,clients(name)&id=eq.1")).toEqual([
        { name: "one", clients: { name: "Apple" } },
      ]);
      expect(await json("project_names?select=name,tasks(id)&id=eq.3&tasks.order=id")).toEqual([
        { name: "three", tasks: [{ id: 2 }, { id: 5 }, { id: 8 }] },
      ]);
    },
  ],
  [
    "aggregate functions",
    "says no",
    async () => {
      await refused("projects?select=id.sum()", "PGRST123", 400);
      await refused("projects?select=count()", "PGRST123", 400);
    },
  ],
];
