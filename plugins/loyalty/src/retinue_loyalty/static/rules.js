// The form of a programme's rules: parts that are in use, categories that name themselves, and the preview of what is written.
import { on } from "../desk/js/dom.js";
import { refuseAmounts, valuesOf } from "../desk/js/forms.js";
import "../desk/js/rows.js";

on("change", "form[data-rules] [data-use]", (_, input) => {
  document.getElementById(input.dataset.use).hidden = !input.checked;
});

// A category is a key of the rules, so the name of its factor is what was typed.
on("input", "form[data-rules] [data-key]", (_, input) => {
  const row = input.closest("[data-pair]");
  const value = row.querySelector("[data-value]");
  if (input.value.trim()) value.name = `${row.dataset.pair.replaceAll(".", "~")}~${input.value.trim()}`;
  else value.removeAttribute("name");
});

on("change", "form[data-rules] [name='rules.tiers.by']", (_, input) => counted(input.form));

function counted(form) {
  const points = form.elements["rules.tiers.by"].value === "points";
  for (const input of form.querySelectorAll("[name$='.threshold']")) {
    input.dataset.digits = points ? "0" : form.dataset.digits;
  }
}

on("submit", "form[data-rules]", (event, form) => {
  event.preventDefault();
  counted(form);
  if (refuseAmounts(form)) return;
  const { rules = {} } = valuesOf(form);
  for (const input of form.querySelectorAll("[data-use]")) {
    const part = input.dataset.use.slice(5);
    if (input.checked) rules[part] ??= part === "rewards" ? [] : {};
  }
  location.assign(`${form.getAttribute("action")}?rules=${encodeURIComponent(JSON.stringify(rules))}`);
});
