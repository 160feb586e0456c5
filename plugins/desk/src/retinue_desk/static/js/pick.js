// Choosing a contact by typing: a combobox over the API's search.
import { call } from "./api.js";
import { el, on } from "./dom.js";
import { say } from "./words.js";

let timer = 0;

on("input", "[data-pick] input[role=combobox]", (_, input) => {
  clearTimeout(timer);
  input.closest("[data-pick]").querySelector("input[type=hidden]").value = "";
  timer = setTimeout(() => look(input), 180);
});

async function look(input) {
  const list = input.closest("[data-pick]").querySelector("[role=listbox]");
  const asked = input.value.trim();
  if (!asked) return hide(input, list);
  const answer = await call("GET", `/api/v1/contacts/search?limit=8&q=${encodeURIComponent(asked)}`);
  if (input.value.trim() !== asked || !answer.ok) return;
  list.replaceChildren(...answer.data.map((contact, place) => option(input, list, contact, place)));
  if (!answer.data.length) list.append(el("li", { class: "text-secondary" }, say("nothing")));
  list.hidden = false;
  input.setAttribute("aria-expanded", "true");
}

function option(input, list, contact, place) {
  const more = contact.job_title || contact.city || "";
  const made = el("li", { role: "option", id: `${list.id}-${place}`, "aria-selected": "false", dir: "auto" }, contact.name, more ? el("small", {}, ` ${more}`) : null);
  made.dataset.value = contact.id;
  made.dataset.name = contact.name;
  made.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    take(input, list, made);
  });
  return made;
}

function take(input, list, chosen) {
  input.value = chosen.dataset.name;
  const hidden = input.closest("[data-pick]").querySelector("input[type=hidden]");
  hidden.value = chosen.dataset.value;
  hide(input, list);
  hidden.dispatchEvent(new CustomEvent("desk:picked", { bubbles: true, detail: { id: chosen.dataset.value, name: chosen.dataset.name } }));
}

function hide(input, list) {
  list.hidden = true;
  input.setAttribute("aria-expanded", "false");
  input.removeAttribute("aria-activedescendant");
}

on("keydown", "[data-pick] input[role=combobox]", (event, input) => {
  const list = input.closest("[data-pick]").querySelector("[role=listbox]");
  const options = [...list.querySelectorAll("[role=option]")];
  if (list.hidden || !options.length) return;
  const here = options.findIndex((option) => option.getAttribute("aria-selected") === "true");
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    const next = (here + (event.key === "ArrowDown" ? 1 : -1) + options.length) % options.length;
    options.forEach((option, place) => option.setAttribute("aria-selected", String(place === next)));
    input.setAttribute("aria-activedescendant", options[next].id);
  } else if (event.key === "Enter") {
    event.preventDefault();
    take(input, list, options[Math.max(here, 0)]);
  } else if (event.key === "Escape") {
    event.preventDefault();
    event.stopPropagation();
    hide(input, list);
  }
});
on("focusout", "[data-pick] input[role=combobox]", (_, input) => setTimeout(() => hide(input, input.closest("[data-pick]").querySelector("[role=listbox]")), 120));
