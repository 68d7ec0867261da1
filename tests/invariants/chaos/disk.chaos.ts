import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Mayfly } from "@mayfly/sdk";
import { afterAll, describe, expect, it } from "vitest";
import { dataOf, spawnIn } from "#harness/agents";
import { makeDataFolder, type Stack, startStack } from "./stack.ts";

/** Mounts a folder of a fixed size. Undefined if this process may not mount one. */
function mountSmall(megabytes: number): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), "mayfly-small-"));
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${megabytes}m`, "tmpfs", folder], {
      stdio: "ignore",
    });
    return folder;
  } catch {
    rmSync(folder, { recursive: true });
    console.log("Did not run: a full disk. To have it: run as root, where tmpfs can be mounted.");
    return undefined;
  }
}

const megabytes = Number(process.env.CHAOS_DISK_MB ?? 110);
const small = mountSmall(megabytes);

describe.skipIf(!small)("an embedded database on a full disk", () => {
  let stack: Stack | undefined;
  afterAll(async () => {
    await stack?.close().catch(() => {});
    if (!small) return;
    execFileSync("umount", ["-l", small], { stdio: "ignore" });
    rmSync(small, { recursive: true, force: true });
  });

  it("reports it, acknowledges only what it has stored, and continues when there is room", async () => {
    const data = await makeDataFolder(small);
    stack = await startStack({ data });
    const { apiUrl: url, secretKey: key } = stack.serving;
    const { data: made } = await new Mayfly({ url, key }).tenants.create({ name: "t" });
    const tenant = made?.id ?? "";
    const mayfly = new Mayfly({ url, key, tenant });
    const agent = await spawnIn(mayfly, { lifetime: 900 });

    const ballast = join(data, "ballast");
    /**
     * Fills almost all of the space that is left, so that the next segment of the write-ahead log may not
     * fit.
     */
    const fill = async () => {
      const free = Number(
        execFileSync("df", ["--output=avail", "-k", data], { encoding: "utf8" }).split("\n")[1],
      );
      await writeFile(ballast, Buffer.alloc(Math.max(0, free - 1_500) * 1_024));
    };

    const acknowledged: string[] = [];
    let waiting: string[] = [];
    let problem: string | undefined;
    for (let round = 0; round < 200 && !problem; round++) {
      if (round === 1) await fill();
      const remembered = dataOf(
        await agent.remember({ task: `round ${round}`, input: noise(90_000) }),
      );
      waiting.push(remembered.id);
      const { error } = await agent.sync({ pull: false });
      if (error) problem = `${error.code}: ${error.message}`;
      else {
        acknowledged.push(...waiting);
        waiting = [];
      }
    }
    console.log(JSON.stringify({ acknowledged: acknowledged.length, problem }));
    expect(problem, "an error for the caller").toMatch(/^(unavailable|internal)/);
    expect(acknowledged.length).toBeGreaterThan(0);

    await rm(ballast);
    const stillServes = await fetch(`${url}/health`).then(
      (response) => response.ok,
      () => false,
    );
    if (!stillServes) {
      await stack.kill();
      await stack.start();
    }
    await expect
      .poll(async () => (await agent.sync({ pull: false })).error?.code ?? "synced", {
        timeout: 60_000,
        interval: 500,
      })
      .toBe("synced");
    const { data: rows } = await mayfly.client.from("memories").select("id").limit(1_000);
    const stored = new Set(rows?.map(({ id }) => id));
    expect([...acknowledged, ...waiting].filter((id) => !stored.has(id))).toEqual([]);
    expect(stack.output()).toMatch(/No space left|could not (extend|write)|ENOSPC|disk/i);
    expect(await readFile(join(data, "keys.json"), "utf8")).toContain("secretKey");
    await agent.close();
  });
});

/** A text without words that cannot be compressed. */
function noise(length: number): string {
  return Array.from({ length: Math.ceil(length / 36) }, () => crypto.randomUUID())
    .join(" ")
    .slice(0, length);
}
