import type { UIMessageChunk } from "ai";

/**
 * For each type of delta: the field with the piece of text, and the field with the id of the text to which
 * the piece belongs.
 */
const deltas: Record<string, readonly [text: string, of: string]> = {
  "text-delta": ["delta", "id"],
  "reasoning-delta": ["delta", "id"],
  "tool-input-delta": ["inputTextDelta", "toolCallId"],
};

/**
 * Joins deltas of one text that are available at the same time, as in a replay: a recorded answer of a thousand
 * deltas becomes a few chunks. If only one delta is available, it is passed on at once.
 */
export async function* joinDeltas(
  chunks: AsyncIterable<UIMessageChunk>,
): AsyncGenerator<UIMessageChunk> {
  const iterator = chunks[Symbol.asyncIterator]();
  const read = () => {
    const next = iterator.next();
    // The loop awaits this promise once the previous chunk has been consumed. Until then, its failure must
    // not count as unhandled.
    next.catch(() => {});
    return next;
  };
  let held: UIMessageChunk | undefined;
  try {
    for (let next = read(); ; ) {
      const got = await (held ? Promise.race([next, soon()]) : next);
      if (held && (!got || got.done || !joined(held, got.value))) {
        yield held;
        held = undefined;
      }
      if (!got) continue;
      if (got.done) return;
      next = read();
      if (held) held = joined(held, got.value);
      else if (deltas[got.value.type]) held = got.value;
      else yield got.value;
    }
  } finally {
    await iterator.return?.();
  }
}

/** In a `Promise.race`, every promise that is already settled wins against the one that this returns. */
const soon = () => new Promise<undefined>((resolve) => setTimeout(resolve, 0));

function joined(held: UIMessageChunk, next: UIMessageChunk): UIMessageChunk | undefined {
  const [text, of] = deltas[held.type] ?? [];
  if (!text || !of || held.type !== next.type) return undefined;
  const [one, two] = [held, next] as unknown as Record<string, unknown>[];
  const isSame = one?.[of] === two?.[of] && !one?.providerMetadata && !two?.providerMetadata;
  return isSame ? ({ ...held, [text]: `${one?.[text]}${two?.[text]}` } as never) : undefined;
}
