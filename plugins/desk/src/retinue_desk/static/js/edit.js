// Editing the fields of a contact's page where they stand.
import { call, sentence } from "./api.js";
import { on } from "./dom.js";
import { edit } from "./editors.js";
import { toast } from "./toast.js";
import { data } from "./words.js";

on("click", "[data-edit]", (_, button) => start(button));
on("dblclick", ".desk-field-value", (event, value) => {
  if (!event.target.closest("a")) value.parentElement.querySelector("[data-edit]")?.click();
});
on("keydown", "[data-edit]", (event, button) => {
  if (event.key === "F2") start(button);
});
on("click", "[data-show-empty]", (_, button) => {
  button.closest("[data-fields]").classList.add("desk-all-fields");
  button.remove();
});

function start(button) {
  const { name, edit: kind, choices } = button.dataset;
  const held = data("contact-values");
  const section = button.closest("[data-fields]");
  edit({
    place: button.parentElement, name, kind, label: button.closest(".desk-field").querySelector("dt").textContent, value: held.values[name],
    choices: choices ? JSON.parse(choices) : [], accounts: held.accounts, url: section.dataset.url, version: section.dataset.version,
    neighbour: (step) => neighbour(button, step), open, left: () => button.focus(),
    done: async (next) => {
      await reloadDetails();
      if (next) open(next);
      else find(name)?.focus();
    },
  });
}

function neighbour(button, step) {
  const all = [...document.querySelectorAll(".desk-field:not(.desk-field-empty) [data-edit], .desk-all-fields .desk-field [data-edit], .desk-editing [data-edit]")];
  return all[all.indexOf(button) + step]?.dataset.name ?? null;
}

function find(name) {
  return document.querySelector(`[data-edit][data-name="${CSS.escape(name)}"]`);
}

function open(name) {
  const button = find(name);
  if (button) start(button);
}

export async function reloadDetails() {
  const page = document.querySelector("[data-contact]");
  if (page) await window.htmx.ajax("GET", `/contacts/${page.dataset.contact}/details`, { target: "#contact-details", swap: "innerHTML" });
}

// ---- buttons that send -------------------------------------------------------------------------------------------------------
on("click", "[data-send]", async (_, button) => {
  button.disabled = true;
  const [method, path] = button.dataset.send.split(" ");
  const body = button.dataset.body ? JSON.parse(button.dataset.body) : method === "POST" ? {} : null;
  const answer = await call(method, path, body);
  button.disabled = false;
  if (!answer.ok) return toast(sentence(answer.data), { kind: "fault" });
  if (button.dataset.said) toast(button.dataset.said);
  if (button.dataset.then === "reload") location.reload();
  else if (button.dataset.then?.startsWith("go:")) location.assign(button.dataset.then.slice(3));
  else document.dispatchEvent(new CustomEvent("desk:changed"));
});

document.addEventListener("desk:changed", () => {
  const page = document.querySelector("[data-contact]");
  if (!page) return;
  reloadDetails();
  if (document.getElementById("timeline")) window.htmx.ajax("GET", `/contacts/${page.dataset.contact}/timeline`, { target: "#timeline", swap: "innerHTML" });
});
