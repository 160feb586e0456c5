// Rows of a form that come and go. `data-rows` holds a `data-place`, a template whose `data-mark` stands for the row's
// number wherever a name, an id or a label says it, and a button `data-add`; a row has `data-row` and a button `data-drop`.
import { on } from "./dom.js";

const PLACES = ["name", "id", "for", "aria-describedby", "data-rows", "data-pair", "data-mark", "data-switch", "data-when"];

function fill(node, mark, number) {
  for (const part of node.querySelectorAll("*")) {
    for (const name of PLACES) {
      const value = part.getAttribute(name);
      if (value?.includes(mark)) part.setAttribute(name, value.replaceAll(mark, number));
    }
    if (part.localName === "template") fill(part.content, mark, number);
  }
}

let last = 1000;

on("click", "[data-rows] [data-add]", (_, button) => {
  const rows = button.closest("[data-rows]");
  const template = rows.querySelector(":scope > template");
  const row = template.content.cloneNode(true);
  fill(row, template.dataset.mark, String(last++));
  const place = rows.querySelector(":scope > [data-place]");
  place.append(row);
  place.lastElementChild.querySelector("input:not([type=hidden]), select").focus();
});

on("click", "[data-rows] [data-drop]", (_, button) => {
  const next = button.closest("[data-rows]").querySelector(":scope > [data-add]");
  button.closest("[data-row]").remove();
  next?.focus();
});
