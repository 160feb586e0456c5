// What is a secret is shown once and kept nowhere: by a form with `data-once="field"`, or a button with `data-send-once`.
import { call, sentence } from "./api.js";
import { el, icon, on } from "./dom.js";
import { toast } from "./toast.js";
import { say } from "./words.js";

export function showOnce(title, text) {
  const box = el("pre", { class: "desk-once", tabindex: "0", "aria-label": title }, text);
  const copy = el("button", { type: "button", class: "btn" }, icon("copy"), say("copy"));
  const done = el("button", { type: "button", class: "btn btn-primary" }, say("kept"));
  const dialog = el("dialog", { class: "desk-dialog", "aria-labelledby": "once-title" }, el("h2", { id: "once-title" }, title), el("p", {}, say("shown_once")), box, el("div", { class: "desk-dialog-end" }, copy, done));
  copy.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
      toast(say("copied"));
    } catch {
      getSelection().selectAllChildren(box);
    }
  });
  done.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => location.reload());
  document.body.append(dialog);
  dialog.showModal();
  box.focus();
}

on("desk:done", "[data-once]", (event, form) => showOnce(form.dataset.onceTitle, event.detail.data[form.dataset.once]));

on("click", "[data-send-once]", async (_, button) => {
  button.disabled = true;
  const [method, path] = button.dataset.sendOnce.split(" ");
  const answer = await call(method, path, {});
  button.disabled = false;
  if (answer.ok) showOnce(button.dataset.onceTitle, answer.data[button.dataset.field]);
  else toast(sentence(answer.data), { kind: "fault" });
});
