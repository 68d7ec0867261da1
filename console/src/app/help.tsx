import { pages } from "../pages/index.ts";
import { Dialog } from "../parts/dialog.tsx";
import { helpOpen } from "./keys.ts";

const keys: [string, string][] = [
  ["Ctrl K", "Find a page, an agent, or something to do"],
  ["/", "Search on this page"],
  ["t", "Light or dark"],
  ["?", "These keys"],
  ["Esc", "Close what is open"],
];

export function Help() {
  const close = () => {
    helpOpen.value = false;
  };
  return (
    <Dialog title="Keys" onClose={close}>
      <dl class="keys">
        {[...keys, ...pages.map(({ key, title }): [string, string] => [`g ${key}`, title])].map(
          ([key, does]) => (
            <div key={key}>
              <dt>
                <kbd>{key}</kbd>
              </dt>
              <dd>{does}</dd>
            </div>
          ),
        )}
      </dl>
    </Dialog>
  );
}
