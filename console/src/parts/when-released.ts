let isPressed = false;
const press = (is: boolean) => () => {
  isPressed = is;
};
document.addEventListener("pointerdown", press(true), true);
for (const end of ["pointerup", "pointercancel"])
  document.addEventListener(end, press(false), true);

/**
 * Calls `work` at once, or after the click if a button of the pointer is down. A field that is left by pressing
 * a button must not move this button away before it is released, because then it would not be clicked.
 */
export function whenReleased(work: () => void): void {
  if (isPressed) document.addEventListener("pointerup", () => setTimeout(work), { once: true });
  else work();
}
