/** An element with its properties and what is in it. Text is text: nothing here is read as HTML. */
export function make<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  properties: Partial<HTMLElementTagNameMap[Tag]> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[Tag] {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/** The element of the page that the selector names. */
export function find<T extends Element>(selector: string, kind: new () => T): T {
  const element = document.querySelector(selector);
  if (!(element instanceof kind)) throw new Error(`The page has no ${selector}.`);
  return element;
}

export const list = (selector: string) => find(selector, HTMLElement);

/** Does something with what a form says. Its buttons rest until that is done. */
export function onSubmit(
  selector: string,
  act: (field: (name: string) => string, button: string) => Promise<void>,
): void {
  const form = find(selector, HTMLFormElement);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const fields = new FormData(form);
    const button = event.submitter instanceof HTMLButtonElement ? event.submitter.value : "";
    const buttons = [...form.querySelectorAll("button")];
    for (const one of buttons) one.disabled = true;
    showProblem(null);
    await act((name) => String(fields.get(name) ?? "").trim(), button).catch(showProblem);
    for (const one of buttons) one.disabled = false;
  });
}

/** Says what went wrong, and what to do; null: nothing. */
export function showProblem(problem: unknown): void {
  const place = list("#problem");
  const { message, hint } = (problem ?? {}) as { message?: string; hint?: string | null };
  place.hidden = !problem;
  place.textContent = [message ?? String(problem), hint].filter(Boolean).join(" ");
}
