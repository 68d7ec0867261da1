import type { Mayfly } from "@mayfly/sdk";
import { createContext, createElement, type ReactElement, type ReactNode, useContext } from "react";

const Context = createContext<Mayfly | null>(null);

/**
 * Gives `mayfly` to the hooks in the components below. You open and close `mayfly` yourself, either once for
 * the life of the page or with the session of the person who is signed in.
 *
 * @example
 * const mayfly = new Mayfly({ url, key, client: supabase });
 * root.render(<MayflyProvider mayfly={mayfly}><Team /></MayflyProvider>);
 */
export function MayflyProvider(props: { mayfly: Mayfly; children?: ReactNode }): ReactElement {
  return createElement(Context.Provider, { value: props.mayfly }, props.children);
}

/**
 * The `Mayfly` of the provider above, for everything without a hook: `spawn`, `send`, `runs.start`.
 *
 * @throws if there is no provider above.
 */
export function useMayfly(): Mayfly {
  const mayfly = useContext(Context);
  if (!mayfly) throw new Error("Put <MayflyProvider mayfly={…}> around what uses hooks of Mayfly.");
  return mayfly;
}
