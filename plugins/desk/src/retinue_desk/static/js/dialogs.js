// Dialogs and menus: the browser's own, placed beside what opens them.
import { isTyping, on } from "./dom.js";
import { toast } from "./toast.js";

export function open(id) {
  const dialog = document.getElementById(id);
  if (!dialog || dialog.open) return;
  dialog.showModal();
  dialog.dispatchEvent(new CustomEvent("desk:open", { bubbles: true }));
  dialog.querySelector("[autofocus], input:not([type=hidden]), select, textarea, button")?.focus();
}

on("click", "[data-open-dialog]", (_, button) => open(button.dataset.openDialog));
on("click", "dialog [data-close]", (_, button) => button.closest("dialog").close());
on("click", "dialog", (event, dialog) => {
  if (event.target === dialog) dialog.close();
});

document.addEventListener(
  "toggle",
  (event) => {
    const menu = event.target;
    if (!(menu instanceof HTMLElement) || !menu.classList.contains("desk-pop") || event.newState !== "open") return;
    const opener = document.querySelector(`[popovertarget="${menu.id}"]`);
    const edge = opener.getBoundingClientRect();
    const width = menu.offsetWidth;
    menu.style.top = `${Math.min(edge.bottom + 6, innerHeight - menu.offsetHeight - 8)}px`;
    menu.style.left = `${Math.max(8, Math.min(edge.right - width, innerWidth - width - 8))}px`;
  },
  true,
);

// A single key presses the button that names it, unless somebody is typing.
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || isTyping(event.target)) return;
  if (document.querySelector("dialog[open], :popover-open")) return;
  const button = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
  if (!button || button.disabled) return;
  event.preventDefault();
  button.click();
});

const kept = sessionStorage.getItem("retinue-toast");
if (kept) {
  sessionStorage.removeItem("retinue-toast");
  const { text, undo } = JSON.parse(kept);
  toast(text, { undo: undo ? async () => (await import("./api.js")).revert(undo) : null });
}
