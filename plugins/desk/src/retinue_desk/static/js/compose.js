// Writing down what happened: the kind by a key or a button, colleagues named after an @.
import { el, fold, on } from "./dom.js";
import { data } from "./words.js";

on("click", "[data-compose]", (_, button) => {
  const form = document.querySelector("[data-composer]");
  form.elements.kind.value = button.dataset.compose;
  form.elements.kind.dispatchEvent(new Event("change", { bubbles: true }));
  form.elements.body.focus();
});

on("input", "[data-mention]", (_, area) => {
  const before = area.value.slice(0, area.selectionStart);
  const asked = before.match(/(?:^|\s)@([\p{L}\p{M}]*)$/u);
  close();
  if (!asked) return;
  const wanted = fold(asked[1]);
  const found = (data("contact-values")?.accounts ?? []).filter(([, name]) => fold(name).split(/\s+/).some((word) => word.startsWith(wanted))).slice(0, 6);
  if (found.length) show(area, found, asked[1].length);
});

function show(area, found, length) {
  const list = el("ul", { class: "desk-pick-list desk-mention", role: "listbox", id: "mentions" });
  for (const [, name] of found) {
    const option = el("li", { role: "option", "aria-selected": "false" }, name);
    option.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      take(area, name, length);
    });
    list.append(option);
  }
  list.firstElementChild.setAttribute("aria-selected", "true");
  list.take = (name) => take(area, name, length);
  area.after(list);
}

function take(area, name, length) {
  const at = area.selectionStart;
  area.setRangeText(`${name} `, at - length, at, "end");
  close();
}

function close() {
  document.getElementById("mentions")?.remove();
}

on("keydown", "[data-mention]", (event) => {
  const list = document.getElementById("mentions");
  if (!list) return;
  const options = [...list.children];
  const here = options.findIndex((option) => option.getAttribute("aria-selected") === "true");
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    options[here].setAttribute("aria-selected", "false");
    options.at((here + (event.key === "ArrowDown" ? 1 : -1)) % options.length).setAttribute("aria-selected", "true");
  } else if ((event.key === "Enter" && !event.ctrlKey) || event.key === "Tab") {
    event.preventDefault();
    event.stopPropagation();
    list.take(options[here].textContent);
  } else if (event.key === "Escape") {
    event.stopPropagation();
    close();
  }
});
on("focusout", "[data-mention]", () => setTimeout(close, 100));
