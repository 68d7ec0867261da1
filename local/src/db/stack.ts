/**
 * Makes Postgres refuse recursion that is too deep ("stack depth limit exceeded", 54001). Postgres
 * measures how far the stack has grown from its start, but PGlite never sets that start. So nothing
 * was refused, and an endless recursion overran the stack and ended the database. The static
 * `stack_base_ptr`, which holds the start, is not exported. But it can be recognised: of all words in
 * the static data, it is the only one that makes the exported check refuse when it is set. It is
 * found in this way when the database starts. Its place in the known build is tried first, and then
 * every word that is zero, which takes 20 ms.
 */
export interface StackModule {
  HEAPU8: Uint8Array;
  ___stack_pointer: WebAssembly.Global<"i32">;
  _check_stack_depth(): void;
  /** Cleans up after an error, like the main loop. */
  _PostgresMainLongJmp(): void;
}

/** An address far from any stack. */
const ELSEWHERE = 1 << 30;
/** The stack of PGlite's build, above the static data. */
const STACK_BYTES = 8 << 20;

/** The place of `stack_base_ptr` in @electric-sql/pglite 0.4.5. */
const KNOWN = 602_667;

/** Whether Postgres's check of the stack depth refuses now. */
function isRefused(mod: StackModule, isLongJump: (error: unknown) => boolean): boolean {
  try {
    mod._check_stack_depth();
    return false;
  } catch (error) {
    if (!isLongJump(error)) throw error;
    return true;
  }
}

/** Sets where the stack begins. Returns false if the word cannot be found in this build. */
export function guardStack(mod: StackModule, isLongJump: (error: unknown) => boolean): boolean {
  const base = mod.___stack_pointer.value;
  const words = new Int32Array(mod.HEAPU8.buffer, 0, Math.floor((base - STACK_BYTES) / 4));
  for (let tried = 0; tried < words.length; tried++) {
    const at = tried || KNOWN;
    if (words[at] !== 0) continue;
    words[at] = ELSEWHERE;
    const found = isRefused(mod, isLongJump);
    words[at] = found ? base : 0;
    if (!found) continue;
    mod.___stack_pointer.value = base;
    mod._PostgresMainLongJmp();
    return true;
  }
  return false;
}
