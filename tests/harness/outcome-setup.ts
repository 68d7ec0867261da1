/** A setup file of every test file: what has failed in it. Its module is evaluated again for each. */
import { beforeEach } from "vitest";
import { beginFile, beginTest } from "./outcome.ts";

beginFile();
beforeEach(({ onTestFailed }) => beginTest(onTestFailed));
