// Short messages at the edge of the page, with an undo where there is something to undo.
import { el, icon } from "./dom.js";
import { say } from "./words.js";

const LASTS = 8000;

export function toast(text, { kind = "done", undo = null } = {}) {
  const place = document.getElementById("toasts");
  const box = el("div", { class: `desk-toast desk-toast-${kind}` }, icon(kind === "done" ? "circle-check" : "alert-circle"), el("span", {}, text));
  if (undo) {
    const button = el("button", { type: "button", class: "btn btn-sm btn-ghost-primary" }, say("undo"));
    button.addEventListener("click", async () => {
      button.disabled = true;
      await undo();
      box.remove();
    });
    box.append(button);
  }
  const close = el("button", { type: "button", class: "btn btn-sm btn-icon btn-ghost", "aria-label": say("close") }, icon("x"));
  close.addEventListener("click", () => box.remove());
  box.append(close);
  place.append(box);
  let timer = setTimeout(() => box.remove(), LASTS);
  box.addEventListener("pointerenter", () => clearTimeout(timer));
  box.addEventListener("pointerleave", () => (timer = setTimeout(() => box.remove(), LASTS)));
  box.addEventListener("focusin", () => clearTimeout(timer));
  return box;
}

// A message that has to be seen on the next page.
export function toastNext(text, undo = null) {
  sessionStorage.setItem("retinue-toast", JSON.stringify({ text, undo }));
}
