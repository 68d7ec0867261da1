/** Whether a test of this file has failed so far, or none has begun: `outcome-setup.ts` tells it of each. */

let begun = false;
let failed = false;

/** A worker runs many files, one after the other. */
export function beginFile(): void {
  begun = false;
  failed = false;
}

export function beginTest(onFailed: (handler: () => void) => void): void {
  begun = true;
  onFailed(() => {
    failed = true;
  });
}

export const hasFailed = (): boolean => failed || !begun;
