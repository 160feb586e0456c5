// Deeds on many contacts: those that are ticked, or all that the list holds; with progress and undo. And merging.
import { call, revert, sentence } from "./api.js";
import { el, on } from "./dom.js";
import { leave } from "./forms.js";
import { toast } from "./toast.js";
import { data, say } from "./words.js";

const bar = document.querySelector("[data-bulk]");
let everything = false;
let last = null;

function ticked() {
  return [...document.querySelectorAll("[data-select]:checked")].map((box) => box.value);
}

function show() {
  if (!bar) return;
  const count = ticked().length;
  const total = document.getElementById("list-count")?.textContent.trim() ?? "";
  bar.hidden = !count;
  bar.querySelector("[data-bulk-count]").textContent = everything ? total : say("selected", { num: count });
  const more = document.querySelector(".desk-next") !== null;
  bar.querySelector("[data-bulk-all]").hidden = everything || !more || !document.querySelector("[data-select-all]")?.checked;
  const merge = bar.querySelector("[data-bulk-merge]");
  if (merge) merge.disabled = everything || count < 2 || count > 10;
}

on("click", "[data-select]", (event, box) => {
  everything = false;
  const boxes = [...document.querySelectorAll("[data-select]")];
  if (event.shiftKey && last && boxes.includes(last)) {
    const [from, to] = [boxes.indexOf(last), boxes.indexOf(box)].sort((a, b) => a - b);
    for (const one of boxes.slice(from, to + 1)) one.checked = box.checked;
  }
  last = box;
  show();
});
on("change", "[data-select-all]", (_, box) => {
  everything = false;
  for (const one of document.querySelectorAll("[data-select]")) one.checked = box.checked;
  show();
});
on("click", "[data-bulk-all]", () => {
  everything = true;
  show();
});
on("click", "[data-bulk-none]", none);
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && bar && !bar.hidden && !document.querySelector("dialog[open], :popover-open")) none();
});

function none() {
  everything = false;
  for (const box of document.querySelectorAll("[data-select], [data-select-all]")) box.checked = false;
  show();
}

on("submit", "form[data-bulk-form]", async (event, form) => {
  event.preventDefault();
  const chosen = everything ? { list: data("list-selection") } : { ids: ticked() };
  const values = Object.fromEntries([...new FormData(form)].filter(([, value]) => value !== ""));
  const button = form.querySelector("button[type=submit]");
  button.disabled = true;
  const answer = await call("POST", "/api/v1/contacts/bulk", { action: form.dataset.bulkForm, ...values, ...chosen });
  button.disabled = false;
  const fault = form.querySelector("[data-fault]");
  fault.hidden = answer.ok;
  if (!answer.ok) return void (fault.textContent = sentence(answer.data));
  form.closest("dialog").close();
  form.reset();
  none();
  if (answer.data.job_id) {
    sessionStorage.setItem("retinue-bulk", JSON.stringify(answer.data));
    follow(answer.data);
  } else finish(answer.data.done, answer.data.skipped, answer.data.change_set_id);
});

function finish(done, skipped, changeSet) {
  const parts = [say("bulk_done", { num: done })];
  if (skipped) parts.push(say("bulk_skipped", { num: skipped }));
  toast(parts.join(" "), { undo: () => revert(changeSet) });
  document.dispatchEvent(new CustomEvent("desk:changed"));
}

// Progress goes on after a reload: the job is remembered for this window.
async function follow(job) {
  const meter = el("progress", { max: job.total, value: 0, "aria-label": say("bulk_running", { done: 0, total: job.total }) });
  const text = el("span", {}, say("bulk_running", { done: 0, total: job.total }));
  const stop = el("button", { type: "button", class: "btn btn-sm" }, say("stop"));
  stop.addEventListener("click", () => {
    stop.disabled = true;
    call("POST", `/api/v1/contacts/bulk/${job.job_id}/stop`);
  });
  const box = el("div", { class: "desk-toast" }, meter, text, stop);
  document.getElementById("toasts").append(box);
  for (;;) {
    const answer = await call("GET", `/api/v1/contacts/bulk/${job.job_id}`);
    if (!answer.ok) break;
    meter.value = answer.data.done;
    text.textContent = say("bulk_running", { done: answer.data.done, total: job.total });
    if (["done", "dead", "stopped"].includes(answer.data.state)) {
      sessionStorage.removeItem("retinue-bulk");
      if (answer.data.state !== "dead") finish(answer.data.done, 0, job.change_set_id);
      else toast(say("failed"), { kind: "fault", undo: () => revert(job.change_set_id) });
      break;
    }
    await new Promise((resolve) => setTimeout(resolve, 700));
  }
  box.remove();
}

const running = sessionStorage.getItem("retinue-bulk");
if (running) follow(JSON.parse(running));

// ---- merging ----------------------------------------------------------------------------------------------------------------------
on("click", "[data-bulk-merge]", () => location.assign(`/merge?ids=${ticked().join(",")}`));
on("click", "[data-take-all]", (_, button) => {
  const form = button.closest("form");
  for (const radio of form.querySelectorAll(`input[type=radio][value="${button.dataset.takeAll}"]`)) radio.checked = true;
});

on("submit", "form[data-merge]", async (event, form) => {
  event.preventDefault();
  const values = new FormData(form);
  const survivor = values.get("survivor");
  const all = [...form.querySelectorAll("input[name=survivor]")].map((radio) => radio.value);
  const picks = {};
  for (const [name, value] of values) if (name.startsWith("pick.")) picks[name.slice(5)] = value;
  const button = form.querySelector("button[type=submit]");
  button.disabled = true;
  const answer = await call("POST", `/api/v1/contacts/${survivor}/merge`, { merged: all.filter((id) => id !== survivor), picks });
  button.disabled = false;
  const fault = form.querySelector("[data-fault]");
  fault.hidden = answer.ok;
  if (!answer.ok) return void (fault.textContent = sentence(answer.data));
  const newest = await call("GET", "/api/v1/change-sets?mine=true&limit=1");
  leave(`/contacts/${survivor}`, say("merged"), newest.ok ? newest.data.items[0]?.id : null);
});

document.addEventListener("htmx:after:swap", show);
