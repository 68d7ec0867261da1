/** An element with its properties and content. Text is never parsed as HTML. */
export function make<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  properties: Partial<HTMLElementTagNameMap[Tag]> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[Tag] {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/** The element that the selector matches. */
export function find<T extends Element>(selector: string, kind: new () => T): T {
  const element = document.querySelector(selector);
  if (!(element instanceof kind)) throw new Error(`The page has no ${selector}.`);
  return element;
}

export const list = (selector: string) => find(selector, HTMLElement);

/** Runs an action with the fields of a form. The form's buttons are disabled until it is done. */
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

/** Shows what went wrong and what to do. Null shows nothing. */
export function showProblem(problem: unknown): void {
  const place = list("#problem");
  const { message, hint } = (problem ?? {}) as { message?: string; hint?: string | null };
  place.hidden = !problem;
  place.textContent = [message ?? String(problem), hint].filter(Boolean).join(" ");
}
