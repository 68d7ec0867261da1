/** Chromium for a test file. */
import { type Browser, type BrowserContext, chromium } from "playwright-core";
import { chromiumPath } from "./needs.ts";

/**
 * One browser for all test files of a process, because starting one takes 2 s of processor time. The browser
 * ends with the process.
 */
let shared: Browser | undefined;

export interface TestBrowser extends Pick<Browser, "newContext" | "newPage"> {
  /** Closes all pages of the file. The next file gets the same browser with nothing in it. */
  close(): Promise<void>;
}

export async function openBrowser(): Promise<TestBrowser> {
  if (!shared?.isConnected())
    shared = await chromium.launch({
      executablePath: chromiumPath ?? "",
      args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"],
    });
  const browser = shared;
  /** Playwright's own limit of 30 s is too short if the machine is also busy with other work. */
  const patient = <T extends Pick<BrowserContext, "setDefaultTimeout">>(opened: T): T => {
    opened.setDefaultTimeout(90_000);
    return opened;
  };
  return {
    // Animations that never end draw the page sixty times a second.
    newContext: (options) =>
      browser.newContext({ reducedMotion: "reduce", ...options }).then(patient),
    newPage: (options) => browser.newPage({ reducedMotion: "reduce", ...options }).then(patient),
    close: async () => {
      await Promise.all(browser.contexts().map((context) => context.close()));
    },
  };
}
