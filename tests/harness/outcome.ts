/** Whether a test of this file has failed so far, or none has begun: a setup file of every test file. */
import { beforeEach } from "vitest";

let begun = false;
let failed = false;

beforeEach(({ onTestFailed }) => {
  begun = true;
  onTestFailed(() => {
    failed = true;
  });
});

export const hasFailed = (): boolean => failed || !begun;
