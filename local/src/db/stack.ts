/**
 * Postgres refuses a recursion that is too deep ("stack depth limit exceeded", 54001) by the distance
 * of the stack from where it began. PGlite never says where that is, so nothing was refused, and an
 * endless recursion overran the stack and ended the database. The static `stack_base_ptr` is not
 * exported; it is the one word of the static data that makes the exported check refuse when it is
 * set. Found once at the start: where it is in the build that we know, or by trying every word that
 * is zero, which takes 20 ms.
 */
export interface StackModule {
  HEAPU8: Uint8Array;
  ___stack_pointer: WebAssembly.Global<"i32">;
  _check_stack_depth(): void;
  /** Ends what an error has begun, as the main loop does. */
  _PostgresMainLongJmp(): void;
}

/** Far from any stack. */
const ELSEWHERE = 1 << 30;
/** The stack of PGlite's build, above the static data. */
const STACK_BYTES = 8 << 20;

/** Which word it is in @electric-sql/pglite 0.4.5. */
const KNOWN = 602_667;

/** Whether the check refuses now. */
function isRefused(mod: StackModule, isLongJump: (error: unknown) => boolean): boolean {
  try {
    mod._check_stack_depth();
    return false;
  } catch (error) {
    if (!isLongJump(error)) throw error;
    return true;
  }
}

/** Says where the stack begins; false where this build keeps it nowhere that can be found. */
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
