// Makes the pictures of the console in the docs, and its tour for the README. Chromium opens the console of an
// embedded Supabase with the seed. CHROMIUM_PATH=… npm run build:tour
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createConsoleLog, startLocal } from "@mayfly/local";
import { Mayfly } from "@mayfly/sdk";
import gifenc from "gifenc";
import { chromium, type Page } from "playwright-core";
import { readArguments } from "../examples/arguments.ts";
import { buildConsole } from "./build-console.ts";
import { seed } from "./seed/index.ts";
import { done } from "./seed/world.ts";

readArguments();
const root = join(import.meta.dirname, "..");
const size = { width: 1280, height: 800 };
/** The size of the tour's frames in pixels. Half is enough for a README. */
const shown = { width: 960, height: 600 };
const secondsEach = 3;
/** The tour begins this long after the seed, so that the lives on the page Now have a length. */
const livesMs = 40_000;

interface Stop {
  /** The path of the page, after the tenant. */
  path: string;
  /** The picture's file in docs/, if a page of the docs shows it. */
  picture?: string;
  /** A selector for the part of the page that is drawn last. When it is there, the page is complete. */
  shows: string;
  /** Opens something on the page before the picture is taken. */
  opens?(page: Page): Promise<void>;
}

/** The narrowest time on the page Now, in which the seed's short lives are the longest. */
async function narrowTime(page: Page): Promise<void> {
  await page.getByLabel("Span").selectOption({ label: "2 min" });
}

/** The form for another job like the last one, with a field for each part of its input. */
async function openJobForm(page: Page): Promise<void> {
  await page.click("main button >> text=Add a job");
  await page.fill("dialog input[name=name]", "read-log");
  await page.keyboard.press("Tab");
}

const data = await mkdtemp(join(tmpdir(), "mayfly-tour-"));
await buildConsole();
const local = await startLocal({
  root,
  data,
  port: 0,
  console: join(root, "console"),
  log: createConsoleLog({ verbose: false, json: false }),
});
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM_PATH ?? "/usr/bin/chromium",
  args: ["--no-sandbox"],
});
try {
  const options = { url: local.apiUrl, key: local.secretKey };
  const tenant = (await seed({ ...options, say: console.log })) ?? "";
  const mayfly = new Mayfly({ ...options, tenant });
  const page = await browser.newPage({ viewport: size });
  await page.goto(local.consoleLink() ?? "");
  await page.waitForSelector(".shell");
  await page.waitForTimeout(livesMs);

  const frames: Buffer[] = [];
  for (const { path, picture, shows, opens } of await stopsOf(mayfly)) {
    await page.evaluate((hash) => {
      globalThis.location.hash = hash;
    }, `#/${tenant}/${path}`);
    await opens?.(page);
    await page.waitForSelector(`main ${shows}`);
    await page.waitForSelector("main .skeleton", { state: "detached" });
    // The mouse is where it clicked last. No button is drawn as if it were about to be pressed.
    await page.mouse.move(size.width / 2, 1);
    const frame = await page.screenshot();
    frames.push(frame);
    if (picture) await writeFile(join(root, "docs", picture), frame);
    console.log(`${path}: a frame of ${Math.round(frame.length / 1000)} kB`);
  }
  const tour = await animationOf(frames);
  await writeFile(join(root, "docs/console-tour.gif"), tour);
  console.log(
    `docs/console-tour.gif: ${frames.length} frames, ${Math.round(tour.length / 1000)} kB`,
  );
  await mayfly.close();
} finally {
  await browser.close();
  await local.close();
  await rm(data, { recursive: true });
}

async function stopsOf(mayfly: Mayfly): Promise<Stop[]> {
  const [grace] = (await done(mayfly.agents.list())).filter(({ name }) => name === "grace");
  const [team] = await done(mayfly.teams.list());
  const runs = await done(mayfly.runs.list());
  const workflows = await done(mayfly.workflows.list());
  const answered = runs.find(({ status }) => status === "succeeded");
  const digest = workflows.find(({ name }) => name === "digest");
  return [
    {
      ...{ path: "now", picture: "console-now.png", opens: narrowTime },
      shows: ".figure.tone-red >> text=Failures",
    },
    { path: `agents/${grace?.id}`, shows: ".trail li" },
    { path: `teams/${team?.id}`, shows: ".ballots, .poll summary" },
    {
      ...{ path: "stream", picture: "console-stream.png" },
      shows:
        ".stream:has(.line:has-text('billing owner Ines')) .line >> text=Read the payment service",
    },
    { path: "jobs", shows: 'dialog [name="input.file"]', opens: openJobForm },
    { path: `workflows/${digest?.id}`, shows: ".graph-step" },
    { path: `runs/${answered?.id}`, shows: ".span-bar" },
    { path: "approvals", picture: "console-approvals.png", shows: ".exact .json" },
    { path: "memory?ask=Why%20do%20checkouts%20fail%3F", shows: ".hit" },
    { path: "channels/findings", shows: ".sides:has(.turn) aside >> text=team-postmortem" },
    { path: "health", shows: ".chart canvas" },
  ];
}

/** Makes one GIF of the frames, each with its own palette. Chromium decodes and scales the frames. */
async function animationOf(frames: Buffer[]): Promise<Uint8Array> {
  const { GIFEncoder, quantize, applyPalette } = gifenc;
  const gif = GIFEncoder();
  const blank = await browser.newPage();
  for (const frame of frames) {
    const pixels = await blank.evaluate(
      async ({ url, width, height }) => {
        const picture = await createImageBitmap(await (await fetch(url)).blob());
        const canvas = new OffscreenCanvas(width, height).getContext("2d");
        if (!canvas) throw new Error("Chromium gives no canvas.");
        canvas.imageSmoothingQuality = "high";
        canvas.drawImage(picture, 0, 0, width, height);
        const { data: bytes } = canvas.getImageData(0, 0, width, height);
        let text = "";
        for (let at = 0; at < bytes.length; at += 32_768)
          text += String.fromCharCode(...bytes.subarray(at, at + 32_768));
        return btoa(text);
      },
      { url: `data:image/png;base64,${frame.toString("base64")}`, ...shown },
    );
    const rgba = new Uint8ClampedArray(Buffer.from(pixels, "base64"));
    const palette = quantize(rgba, 256);
    const delay = secondsEach * 1000;
    gif.writeFrame(applyPalette(rgba, palette), shown.width, shown.height, { palette, delay });
  }
  gif.finish();
  return gif.bytes();
}
