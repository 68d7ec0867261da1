/**
 * The outcome of the current test file: whether one of its tests has failed, or none has begun.
 * `outcome-setup.ts` reports each test here.
 */

let begun = false;
let failed = false;

/** Forgets the outcome of the file before, because one process runs many files, one after another. */
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
