/** Whether a test of this file has failed, or none has started. `outcome-setup.ts` reports each test. */

let begun = false;
let failed = false;

/** A worker runs many files, one after another. */
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
