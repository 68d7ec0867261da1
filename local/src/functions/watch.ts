import { existsSync, type FSWatcher, readdirSync, watch } from "node:fs";
import { basename, dirname, join } from "node:path";

/** Editors save in several steps. Events within this time count as one change. */
const QUIET_MS = 80;
const IGNORED = /(^\.)|(~$)|(^node_modules$)/;

/**
 * Calls `onChange` after a file under `folders`, or one of `files`, has changed. Each folder has its
 * own watcher. On Linux, Node's recursive watch would lose a file once an editor has replaced it by a
 * rename (seen with Node 24.21).
 */
export function watchFiles(
  folders: string[],
  files: string[],
  onChange: () => void,
): { close(): void } {
  let watchers: FSWatcher[] = [];
  let timer: NodeJS.Timeout | undefined;

  const changed = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      // Recreate all watchers, because the watcher of a folder that was removed and recreated gets
      // no events.
      close();
      arm();
      onChange();
    }, QUIET_MS);
  };
  const add = (folder: string, concerns: (name: string) => boolean) => {
    const watcher = watch(folder, (_event, name) => {
      if (name === null || concerns(name)) changed();
    });
    watcher.on("error", () => watcher.close());
    watchers.push(watcher);
  };
  const isSource = (name: string) => !IGNORED.test(name);
  const addTree = (folder: string) => {
    add(folder, isSource);
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      if (entry.isDirectory() && isSource(entry.name)) addTree(join(folder, entry.name));
    }
  };
  const arm = () => {
    for (const folder of folders) if (existsSync(folder)) addTree(folder);
    for (const file of files) {
      if (existsSync(dirname(file))) add(dirname(file), (name) => name === basename(file));
    }
  };
  const close = () => {
    clearTimeout(timer);
    for (const watcher of watchers) watcher.close();
    watchers = [];
  };

  arm();
  return { close };
}
