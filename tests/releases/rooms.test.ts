/** The order of the SQL files: by room, and within a room by their dependencies. */
import { describe, expect, it } from "vitest";
import { faultsOf, inOrder } from "../../scripts/sql/order.ts";

const file = (path: string, text: string) => ({ file: `sql/${path}.sql`, text });
const table = (name: string, more = "") => `create table mayfly.${name} (id int${more});`;
const calls = (name: string, other: string) =>
  `create function mayfly.${name}()\nreturns int\nlanguage sql\nset search_path = ''\nreturn mayfly.${other}();`;
const callsLate = (name: string, other: string) =>
  `create function mayfly.${name}()\nreturns void\nlanguage plpgsql\nset search_path = ''\nas $$\nbegin\n  perform mayfly.${other}();\nend\n$$;`;
const rooms = ["base", "agents", "messages"];
const orderOf = (sources: ReturnType<typeof file>[]) =>
  inOrder(sources, rooms).map((source) => source.file);

describe("SQL files are applied", () => {
  it("by room, and inside a room in the order of their dependencies", () => {
    const sources = [
      file("messages/tables/a", table("a", " references mayfly.b")),
      file("messages/tables/b", table("b")),
      file("agents/functions/z", calls("z", "y")),
      file("agents/functions/y", calls("y", "y")),
      file("base/schemas", "create schema mayfly;"),
    ];
    expect(orderOf(sources)).toEqual([
      "sql/base/schemas.sql",
      "sql/agents/functions/y.sql",
      "sql/agents/functions/z.sql",
      "sql/messages/tables/b.sql",
      "sql/messages/tables/a.sql",
    ]);
  });

  it("after the types of their PL/pgSQL variables, but not after what their bodies call", () => {
    const text = callsLate("f", "z").replace("begin", "declare\n  row mayfly.z_rows;\nbegin");
    const sources = [
      file("agents/functions/f", text),
      file("agents/functions/z", callsLate("z", "f")),
      file("agents/tables/z_rows", table("z_rows")),
    ];
    expect(orderOf(sources)).toEqual([
      "sql/agents/tables/z_rows.sql",
      "sql/agents/functions/f.sql",
      "sql/agents/functions/z.sql",
    ]);
  });

  it("after what their bodies in SQL use, which is bound when they are created", () => {
    const text =
      "create function mayfly.f()\nreturns int\nlanguage sql\nset search_path = ''\nas $$\n  select mayfly.z()\n$$;";
    const sources = [
      file("agents/functions/f", text),
      file("agents/functions/z", callsLate("z", "y")),
    ];
    expect(orderOf(sources)).toEqual(["sql/agents/functions/z.sql", "sql/agents/functions/f.sql"]);
  });

  it("and the build names files that are in a cycle or outside of a room", () => {
    const circle = [
      file("agents/functions/f", calls("f", "g")),
      file("agents/functions/g", calls("g", "f")),
    ];
    expect(() => orderOf(circle)).toThrow(
      "These need one another: sql/agents/functions/f.sql → sql/agents/functions/g.sql → sql/agents/functions/f.sql",
    );
    expect(() => orderOf([{ file: "sql/loose.sql", text: table("t") }])).toThrow(
      "sql/loose.sql is in no room.",
    );
    expect(() => orderOf([file("attic/t", table("t"))])).toThrow(
      "sql/attic/t.sql is in a room that sql/rooms.json does not name.",
    );
  });
});

describe("a room uses only rooms before it", () => {
  const sources = [
    file("agents/functions/f", callsLate("f", "g")),
    file("messages/functions/g", callsLate("g", "f")),
  ];

  it("even at run time, unless it is an exception", () => {
    expect(faultsOf(inOrder(sources, rooms), { rooms, exceptions: [] })).toEqual([
      "agents/functions/f.sql → mayfly.g: a room uses only rooms before it (sql/rooms.json).",
    ]);
    const exceptions = ["agents/functions/f.sql → mayfly.g"];
    expect(faultsOf(inOrder(sources, rooms), { rooms, exceptions })).toEqual([]);
  });

  it("and an exception that is no longer needed must be removed", () => {
    expect(
      faultsOf(inOrder(sources.slice(1), rooms), {
        rooms,
        exceptions: ["messages/x.sql → mayfly.y"],
      }),
    ).toEqual(["messages/x.sql → mayfly.y: no exception any more; take it out of sql/rooms.json."]);
  });
});

describe("what a room registers", () => {
  const registers = (name: string) =>
    file(
      "agents/chores",
      `insert into mayfly.chores values ('mayfly.${name}(uuid)') on conflict do nothing;`,
    );
  const base = file("base/tables/chores", table("chores"));
  const agents = file("agents/functions/f", callsLate("f", "f"));

  it("exists, or the file that registers it is named", () => {
    const faults = (name: string) =>
      faultsOf(inOrder([base, agents, registers(name)], rooms), { rooms, exceptions: [] });
    expect(faults("f")).toEqual([]);
    expect(faults("g")).toEqual(["sql/agents/chores.sql registers mayfly.g, which no file makes."]);
  });

  it("comes after the room's scopes, to which it may refer", () => {
    const insert = (path: string, name: string) =>
      file(path, `insert into mayfly.${name} values (1) on conflict do nothing;`);
    const sources = [insert("agents/scopes", "scopes"), insert("agents/event_kinds", "kinds")];
    expect(orderOf(sources)).toEqual(["sql/agents/scopes.sql", "sql/agents/event_kinds.sql"]);
  });
});
