/** What a person sees on the board of Now: arcs under the mouse, and colours in the lane of an agent. */

import type { Page } from "playwright-core";
import { expect } from "vitest";

/** The place of the present, as a share of the board's width. */
export const presentShare = 0.72;

/** The positions of an agent's lane and of the board. */
export async function laneOf(page: Page, agent: string) {
  const name = await page.locator(".board-names li", { hasText: agent }).boundingBox();
  const canvas = await page.locator(".board canvas").boundingBox();
  if (!name || !canvas) throw new Error("The board is not drawn.");
  return { y: name.y + name.height / 2, present: canvas.x + canvas.width * presentShare, canvas };
}

/**
 * Clicks on the head of an arc, which opens the details of the arc. The head is in the recipient's lane, near
 * the line of the present. `tip` is the text that the board shows under the mouse, and `kind` is the heading
 * of the details.
 */
export async function openArc(
  page: Page,
  recipient: string,
  { tip, kind }: { tip: string; kind: string },
): Promise<void> {
  const { y, present } = await laneOf(page, recipient);
  const shown = page.locator(".board-tip", { hasText: tip });
  const found = async () => {
    // The arc moves to the left with time, 3 pixels a second.
    for (let x = present + 20; x > present - 200; x -= 4) {
      await page.mouse.move(x, y);
      await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(drawn)));
      if ((await shown.count()) === 0) continue;
      await page.mouse.down();
      await page.mouse.up();
      await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(drawn)));
      // On a slow machine, the arc has moved away from the mouse by now.
      if ((await page.locator(".details h2", { hasText: kind }).count()) > 0) return true;
    }
    return false;
  };
  await expect.poll(found, { timeout: 60_000 }).toBe(true);
}

/** How many pixels in the lane of an agent have a colour of the theme. */
export async function pixelsOf(page: Page, agent: string, colour: string): Promise<number> {
  const { y, canvas } = await laneOf(page, agent);
  return page.evaluate(
    ({ top, colour }) => {
      const board = document.querySelector<HTMLCanvasElement>(".board canvas");
      const context = board?.getContext("2d");
      if (!board || !context) throw new Error("The board is not drawn.");
      const sample = new OffscreenCanvas(1, 1).getContext("2d");
      if (!sample) throw new Error("There is no canvas.");
      sample.fillStyle = getComputedStyle(document.documentElement).getPropertyValue(`--${colour}`);
      sample.fillRect(0, 0, 1, 1);
      const wanted = sample.getImageData(0, 0, 1, 1).data;
      const { data } = context.getImageData(
        ...([0, (top - 12) * devicePixelRatio, board.width, 24 * devicePixelRatio] as const),
      );
      let count = 0;
      for (let at = 0; at < data.length; at += 4)
        if ([0, 1, 2].every((n) => Math.abs((data[at + n] ?? 0) - (wanted[n] ?? 0)) <= 2)) count++;
      return count;
    },
    { top: y - canvas.y, colour },
  );
}
