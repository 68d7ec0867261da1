import type { Note } from "../contract/debug.ts";
import type { Result } from "../contract/errors.ts";

/** Records writes at the level `detailed`. Records reads and values at the level `verbose`. */
export function noteCall(
  note: Note,
  name: string,
  { key, prefix, version, ...given }: Record<string, unknown>,
  owner: { of_agent?: string },
  { data, error }: Result<unknown>,
  durationMs: number,
): void {
  const writes = /^(set|patch|edit|swap|delete|rollback|reconcile)_/.test(name);
  const about = { key, prefix, version, ...owner };
  const told = () =>
    error
      ? { ...about, code: error.code, message: error.message }
      : { ...about, version: (data as { version?: unknown } | null)?.version ?? version };
  const title = name.replaceAll("_", " ");
  // A writer that loses a race tries again, so this is not noted as an error.
  if (error && error.code !== "version_conflict") note("error", title, told, { durationMs });
  else note("step", title, told, { level: writes ? "detailed" : "verbose", durationMs });
  if (writes) note("step", `${title}: value`, () => ({ key, ...given }), { level: "verbose" });
}
