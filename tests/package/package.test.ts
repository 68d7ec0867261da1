import { join } from "node:path";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bundle, command, gzipped, installPacked, type Packed, root } from "./packed.ts";

describe("the package of the SDK", () => {
  let packed: Packed;
  beforeAll(async () => {
    packed = await installPacked();
  }, 120_000);
  afterAll(() => packed?.remove());

  it("resolves with its types for import, require and bundlers", async () => {
    const attw = join(root, "node_modules/@arethetypeswrong/cli/dist/index.js");
    const { stdout } = await command(process.execPath, [attw, packed.tarball, "--format", "json"]);
    const { analysis } = JSON.parse(stdout) as { analysis: { types: object; problems: object[] } };
    expect(analysis.types).toEqual({ kind: "included" });
    expect(analysis.problems).toEqual([]);
  });

  it("has a manifest without a complaint", async () => {
    const { messages, pkg } = await publint({
      pkgDir: packed.installed,
      strict: true,
      pack: false,
    });
    expect(messages.map((message) => formatMessage(message, pkg, { color: false }))).toEqual([]);
  });

  it("tells a consumer's mistakes, of import and of require", async () => {
    const program = (call: string) => `
      import { Mayfly } from "@mayfly/sdk";
      export const mayfly = new Mayfly({ url: "", key: "" });
      export const name: Promise<string | undefined> =
        mayfly.spawn({ ${call} }).then(({ data }) => data?.name);`;
    const files = [
      await packed.write("right.mts", program('name: "analyst"')),
      await packed.write("right.cts", program('name: "analyst"')),
      await packed.write("wrong.mts", program("name: 1")),
      await packed.write("wrong.cts", program("name: 1")),
    ];
    const tsc = join(root, "node_modules/typescript/bin/tsc");
    const options = "--noEmit --strict --skipLibCheck --module nodenext --target es2024".split(" ");
    const found = await command(process.execPath, [tsc, ...options, ...files], {
      cwd: packed.folder,
    }).then(
      () => "",
      (error: { stdout: string }) => error.stdout,
    );
    const lines = found.split("\n").filter((line) => line.includes("error"));
    expect(lines).toEqual([
      expect.stringMatching(/^wrong\.[cm]ts.*TS2322/),
      expect.stringMatching(/^wrong\.[cm]ts.*TS2322/),
    ]);
  });

  it("leaves out of a bundle what is not used", async () => {
    const whole = await bundle(
      packed,
      "whole",
      'import * as sdk from "@mayfly/sdk"; globalThis.sdk = sdk;',
    );
    const used = 'import { MayflyError } from "@mayfly/sdk"; console.log(MayflyError);';
    const part = await bundle(packed, "part", used);
    expect(gzipped(part)).toBeLessThan(gzipped(whole) / 50);
  });

  it("adds less to a page than two of supabase-js", async () => {
    const mine = await bundle(
      packed,
      "mine",
      'import { Mayfly } from "@mayfly/sdk"; console.log(Mayfly);',
    );
    const theirs = await bundle(
      packed,
      "theirs",
      'import { createClient } from "@supabase/supabase-js"; console.log(createClient);',
    );
    const ratio = gzipped(mine) / gzipped(theirs);
    console.log(
      `import { Mayfly }: ${gzipped(mine)} bytes min+gzip, ${ratio.toFixed(2)} of supabase-js's ${gzipped(theirs)}`,
    );
    expect(ratio).toBeLessThan(3);
  });
});
