import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { describe, expect, test } from "vitest";
import { findDeno } from "../../../local/src/functions/deno_binary.ts";
import { gone, open, pidAfter, says, setUp, slow, start, wild } from "./processes.ts";
import { configFor, makeProject, startHost } from "./project.ts";

setUp();

describe("when a function misbehaves,", () => {
  test("an error thrown late restarts the process, others keep their answers", async () => {
    const { call, log } = await start({ wild, slow });
    const before = await pidAfter(call);
    const other = call("slow");
    await log.seen(/slow begins/);
    expect(await (await call("wild/late")).text()).toBe("fine");
    const line = await log.seen(/thrown late/);
    expect(line).toMatchObject({ level: "error", fields: { function: "wild" } });
    expect(line.message).not.toContain("\n");
    expect(await pidAfter(call)).not.toBe(before);
    expect(await (await other).text()).toBe("slow but whole");
    await gone(before);
  });

  test("an unhandled rejection answers the function's open requests with an error", async () => {
    const { call } = await start({ wild });
    const response = await call("wild/reject");
    expect(response.status).toBe(500);
    expect((await response.json()).error.code).toBe("function_crashed");
    expect((await call("wild")).status).toBe(200);
  });

  test("a process that ends answers 502, and the next request works", async () => {
    const { call, log } = await start({ wild });
    const response = await call("wild/exit");
    expect(response.status).toBe(502);
    expect((await response.json()).error.code).toBe("function_crashed");
    expect(log.of("error")).toHaveLength(1);
    expect((await call("wild")).status).toBe(200);
  });

  test("crash after crash is answered each time, and recovered from", async () => {
    const { call } = await start({ wild });
    for (const _ of [1, 2, 3]) expect((await call("wild/exit")).status).toBe(502);
    expect((await call("wild")).status).toBe(200);
  });

  test("a busy loop is ended, answered with 546 like all requests that it delayed, and recovered from", async () => {
    const { call, log } = await start({ wild, slow }, { cpuLimitMs: 200 });
    const delayed = call("slow");
    await log.seen(/slow begins/);
    const busy = await call("wild/busy");
    expect(busy.status).toBe(546);
    expect((await busy.json()).error.code).toBe("worker_limit");
    expect((await delayed).status).toBe(546);
    expect(log.of("error").map((line) => line.message)).toEqual([
      "[functions] the functions kept the CPU for over 0.2 s and were ended, so they restart",
    ]);
    expect((await call("wild")).status).toBe(200);
  });

  test("exceeding the memory limit ends the process, with 502 and one line", async () => {
    const { call, log } = await start({ wild }, { memoryLimitMb: 64 });
    expect((await call("wild/hoard")).status).toBe(502);
    expect(log.of("error").map((line) => line.message)).toEqual([
      expect.stringMatching(/crashed \(Fatal JavaScript out of memory: [^\n]*\), so they restart$/),
    ]);
    expect((await call("wild")).status).toBe(200);
  });

  test("an answer that is cut off by the end of the process is an error for its reader", async () => {
    const { call } = await start({ wild });
    const reader = (await call("wild/stream")).body?.getReader();
    await reader?.read();
    await call("wild/exit");
    await expect(reader?.read()).rejects.toThrow();
    expect((await call("wild")).status).toBe(200);
  });

  test("a reader that leaves in the middle of an answer cancels it", async () => {
    const { call, log } = await start({ wild });
    const { body } = await call("wild/stream");
    const reader = body?.getReader();
    await reader?.read();
    await reader?.cancel();
    await log.seen(/the reader left/);
  });

  test("a host that was busy itself does not blame the functions", async () => {
    const { call } = await start({ wild }, { cpuLimitMs: 100 });
    const before = await pidAfter(call);
    const until = performance.now() + 300;
    while (performance.now() < until);
    expect(await pidAfter(call)).toBe(before);
    expect(await pidAfter(call)).toBe(before);
  });
});

describe("on a change,", () => {
  test("the new code serves, and the old code finishes its requests", async () => {
    const { call, log, project } = await start({ wild }, { watch: true });
    const before = await pidAfter(call);
    const held = call("wild/hold");
    await log.seen(/held/);
    await call("wild/background");
    project.write("functions/wild/index.ts", says("the new code"));
    await log.seen(/reloaded/);
    expect(await (await call("wild")).text()).toBe("the new code");
    await log.seen(/kept to the end/);
    process.kill(before, 0);
    open[0]?.host.close(0);
    expect((await held).status).toBe(503);
  });

  test("a replaced process ends when its last request has ended", async () => {
    const { call, log, project } = await start({ wild, slow }, { watch: true });
    const before = await pidAfter(call);
    project.write("functions/wild/index.ts", says("two"));
    await log.seen(/reloaded/);
    await gone(before);
    log.forget();
    project.write("functions/wild/index.ts", says("three"));
    await log.seen(/reloaded/);
    expect(await (await call("wild")).text()).toBe("three");
    expect((await call("slow")).status).toBe(200);
  });

  test("a broken change is one line in the log, and the old code keeps serving", async () => {
    const { call, log, project } = await start(
      { hello: says("good"), other: says("other") },
      {
        watch: true,
      },
    );
    project.write("functions/hello/index.ts", "export default { fetch( {");
    const line = await log.seen(/does not load/);
    expect(line.level).toBe("error");
    expect(line.message).toMatch(/^\[hello\] does not load: .*SyntaxError.*hello\/index\.ts:1:/);
    expect(line.message).not.toContain("\n");
    expect(await (await call("hello")).text()).toBe("good");
    log.forget();
    project.write("functions/hello/index.ts", says("mended"));
    await log.seen(/reloaded/);
    expect(await (await call("hello")).text()).toBe("mended");
  });

  test("a change of shared sources or of config.toml counts too", async () => {
    const shared = `import { text } from "../_shared/text.ts"; export default { fetch: () => new Response(text) };`;
    const project = makeProject({ hello: shared });
    project.write("functions/_shared/text.ts", `export const text = "one";`);
    project.write("functions/late/index.ts", says("late"));
    const { host, log, call } = await startHost(project, { watch: true });
    open.push({ host, project });
    await host.ready();
    expect(log.of("warn").map((line) => line.message)).toEqual([
      "[functions] functions/late/index.ts is not served, because supabase/config.toml has no [functions.late] for it.",
    ]);
    project.write("functions/_shared/text.ts", `export const text = "two";`);
    await log.seen(/reloaded/);
    expect(await (await call("hello")).text()).toBe("two");
    log.forget();
    project.write("supabase/config.toml", configFor(["hello", "late"]));
    await log.seen(/reloaded/);
    expect(host.names).toEqual(["hello", "late"]);
    expect((await call("late")).status).toBe(200);
  });
});

describe("at the start,", () => {
  test("a missing Deno is one sentence", () => {
    const empty = mkdtempSync(join(tmpdir(), "mayfly-no-deno-"));
    expect(() => findDeno(join(empty, "index.ts"))).toThrow(/^Deno is missing, .*npm install/);
    rmSync(empty, { recursive: true });
  });

  test("a Deno that cannot run is one sentence, and requests are answered", async () => {
    const project = makeProject({ hello: says("hello") });
    const { host, call } = await startHost(project, { deno: "/nowhere/deno" });
    open.push({ host, project });
    await expect(host.ready()).rejects.toThrow(/^Deno could not start the functions: .*ENOENT/);
    expect((await call("hello")).status).toBe(503);
    expect(host.health()).toMatchObject({ state: "down" });
  });

  test("an entrypoint that is missing is a warning, and the others are served", async () => {
    const project = makeProject({ hello: says("hello") });
    project.write("supabase/config.toml", configFor(["hello", "absent"]));
    const { host, log, call } = await startHost(project);
    open.push({ host, project });
    await host.ready();
    expect(log.of("warn").map((line) => line.message)).toEqual([
      "[functions] The function absent is named in supabase/config.toml, but its entrypoint functions/absent/index.ts is missing.",
    ]);
    expect(host.names).toEqual(["hello"]);
    expect((await call("hello")).status).toBe(200);
  });

  test("a function that does not load answers 503, and the others are served", async () => {
    const { host, log, call } = await start({ hello: says("hello"), odd: "export const x = 1;" });
    expect(log.of("error").map((line) => line.message)).toEqual([
      "[odd] does not load: Error: it has no `export default { fetch(request) }`",
    ]);
    const response = await call("odd");
    expect(response.status).toBe(503);
    expect((await response.json()).error.code).toBe("function_boot_error");
    expect((await call("hello")).status).toBe(200);
    expect(host.health()).toMatchObject({ state: "ok", detail: "does not load: odd" });
  });

  test("verify_jwt fails without a verifier, and uses one if there is one", async () => {
    const project = makeProject({ hello: says("hello") });
    project.write("supabase/config.toml", configFor(["hello"], ""));
    await expect(startHost(project)).rejects.toThrow(/verify_jwt on for hello/);
    const verify = async (request: Request) => request.headers.get("authorization") === "good";
    const { host, call } = await startHost(project, { verify });
    open.push({ host, project });
    expect((await call("hello")).status).toBe(401);
    expect((await call("hello", { headers: { authorization: "good" } })).status).toBe(200);
  });

  test("a config.toml that cannot be read is one sentence", async () => {
    const project = makeProject({});
    project.write("supabase/config.toml", "[functions");
    await expect(startHost(project)).rejects.toThrow(
      /^supabase\/config\.toml cannot be read: [^\n]+$/,
    );
    project.remove();
  });

  test("the host gives up on functions that loop while they load", async () => {
    const project = makeProject({ hello: "while (true);" });
    const { host } = await startHost(project, { startTimeoutMs: 500 });
    open.push({ host, project });
    await expect(host.ready()).rejects.toThrow("The functions did not load within 0.5 s.");
  });
});

describe("at the end,", () => {
  test("closing lets requests and background tasks finish", async () => {
    const { host, call, log } = await start({ wild, slow });
    const pid = await pidAfter(call);
    const asked = call("slow");
    await log.seen(/slow begins/);
    await call("wild/background");
    await host.close();
    expect(await (await asked).text()).toBe("slow but whole");
    await log.seen(/kept to the end/);
    await gone(pid);
    expect((await call("wild")).status).toBe(503);
  });

  test.each(["", "/busy"])("a killed host leaves no Deno behind (wild%s)", async (path) => {
    const project = makeProject({ wild });
    const script = join(import.meta.dirname, "run_host.ts");
    const host = spawn(process.execPath, [script, project.root, `wild${path}`], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [line] = (await once(createInterface({ input: host.stdout }), "line")) as [string];
    host.kill("SIGKILL");
    await gone(Number(line));
    project.remove();
  });
});
