// Lists: the filter builder and the chooser of columns. The address is the state; htmx finds and fetches further rows.
import { el, icon, on } from "./dom.js";
import { data, say } from "./words.js";

// ---- rows after a change -------------------------------------------------------------------------------------------------
export async function reloadList() {
  if (!document.getElementById("list-body")) return;
  const address = new URL(location.href);
  address.searchParams.set("part", "list");
  await window.htmx.ajax("GET", address.pathname + address.search, { target: "#list-body", swap: "innerMorph" });
}
document.addEventListener("desk:changed", reloadList);

// ---- the filter builder ------------------------------------------------------------------------------------------------
const NO_VALUE = new Set(["is_set", "is_empty", "today", "yesterday", "tomorrow"]);
for (const step of ["this", "last", "next"]) for (const span of ["week", "month", "quarter", "year"]) NO_VALUE.add(`${step}_${span}`);
const DAYS = new Set(["more_than_days_ago", "more_than_days_ago_or_never", "less_than_days_ago", "exactly_days_ago", "in_next_days", "anniversary_in_days"]);
const MANY = new Set(["in", "not_in", "has_any", "has_all"]);
const KINDS = { date: "date", datetime: "date", integer: "number", decimal: "number", age: "number" };

on("desk:open", "#add-filter", (_, dialog) => {
  const builder = data("list-builder");
  const form = dialog.querySelector("form");
  const choose = form.elements.field;
  if (!choose.options.length) {
    const sorted = [...builder.fields].sort((a, b) => !a.operators.length - !b.operators.length || a.label.localeCompare(b.label, document.documentElement.lang));
    choose.append(...sorted.map((field) => el("option", { value: field.name }, field.label)));
    choose.addEventListener("change", () => fieldChosen(form, builder));
    form.elements.op.addEventListener("change", () => opChosen(form, builder));
  }
  joins(form.elements.join, builder.parts);
  form.elements.negated.checked = false;
  fieldChosen(form, builder);
});

function fieldChosen(form, builder) {
  const field = builder.fields.find((f) => f.name === form.elements.field.value);
  const why = form.querySelector("[data-why]");
  why.hidden = !field.why;
  why.textContent = field.why ? `${say("protected")} ${field.why}.` : "";
  form.querySelector("button[type=submit]").disabled = !field.operators.length;
  form.elements.op.replaceChildren(...field.operators.map((op) => el("option", { value: op }, builder.operators[op] ?? op)));
  form.elements.op.closest("div").hidden = !field.operators.length;
  opChosen(form, builder);
}

function opChosen(form, builder) {
  const place = form.querySelector("[data-value-place]");
  const field = builder.fields.find((f) => f.name === form.elements.field.value);
  const op = form.elements.op.value;
  place.replaceChildren();
  if (!op || NO_VALUE.has(op)) return;
  if (op === "between") {
    place.append(labelled("filter-value", say("from"), input(field, op, "value")), labelled("filter-value-2", say("to"), input(field, op, "value2")));
    return;
  }
  place.append(labelled("filter-value", say("value"), input(field, op, "value")));
  if (MANY.has(op) && !listOf(field, builder)) place.append(el("div", { class: "form-hint" }, say("many_hint")));

  function labelled(id, text, control) {
    control.id = id;
    return el("div", { class: "mb-2" }, el("label", { class: "form-label", for: id }, text), control);
  }
  function input(chosen, chosenOp, name) {
    const choices = listOf(chosen, builder);
    if (choices) {
      const made = el("select", { class: "form-select", name, multiple: MANY.has(chosenOp) });
      made.append(...choices.map(([value, text]) => el("option", { value }, text)));
      return made;
    }
    const type = DAYS.has(chosenOp) ? "number" : MANY.has(chosenOp) ? "text" : (KINDS[chosen.kind] ?? "text");
    return el("input", { class: "form-control", name, type, required: true, autocomplete: "off", min: DAYS.has(chosenOp) ? "0" : null });
  }
}

function listOf(field, builder) {
  if (field.kind === "boolean") return [["true", say("yes")], ["false", say("no")]];
  if (field.kind === "account") return builder.accounts;
  return field.choices.length ? field.choices : null;
}

const STATE = ["view", "fields", "sort", "q"];

// A plain condition is a parameter of its own; with "or" or turned round, all of them become one tree, `filter`.
on("submit", "form[data-filter-builder]", (event, form) => {
  event.preventDefault();
  const { field, op, join, negated } = form.elements;
  const address = new URL(location.href);
  address.searchParams.delete("cursor");
  if (!negated.checked && join.value === "") address.searchParams.append(op.value === "eq" ? field.value : `${field.value}__${op.value}`, valueOf(form));
  else {
    const test = { field: field.value, op: op.value };
    if (form.elements.value) test.value = MANY.has(op.value) || form.elements.value2 ? valueOf(form).split(",") : valueOf(form);
    const parts = data("list-builder").parts.map((part) => part.tree);
    const made = negated.checked ? { not: test } : test;
    if (join.value === "") parts.push(made);
    else parts[join.value] = { or: [...(parts[join.value].or ?? [parts[join.value]]), made] };
    for (const name of [...address.searchParams.keys()]) if (!STATE.includes(name)) address.searchParams.delete(name);
    address.searchParams.set("filter", JSON.stringify({ and: parts }));
  }
  location.assign(address);
});

function joins(select, parts) {
  const made = parts.map((part, place) => el("option", { value: String(place) }, select.dataset.or.replace("{text}", part.text)));
  select.replaceChildren(el("option", { value: "" }, select.dataset.and), ...made);
  select.closest("[data-join]").hidden = !parts.length;
}

function valueOf(form) {
  const control = form.elements.value;
  if (!control) return "true";
  if (form.elements.value2) return `${control.value},${form.elements.value2.value}`;
  if (control.multiple) return [...control.selectedOptions].map((option) => option.value).join(",");
  return control.value;
}

// ---- the chooser of columns ----------------------------------------------------------------------------------------------
on("desk:open", "#choose-columns", (_, dialog) => {
  const builder = data("list-builder");
  const list = dialog.querySelector("[data-columns]");
  const shown = builder.columns;
  const able = builder.fields.filter((field) => field.column);
  const order = [...shown, ...able.map((f) => f.name).filter((name) => !shown.includes(name))];
  list.replaceChildren(...order.map((name) => able.find((f) => f.name === name)).filter(Boolean).map((field) => orderLine(field, shown.includes(field.name), list)));
});

export function orderLine(field, checked, list) {
  const id = `column-${field.name}`;
  const box = el("input", { type: "checkbox", class: "form-check-input", id, value: field.name, checked });
  const up = el("button", { type: "button", class: "btn btn-sm btn-icon btn-ghost", "aria-label": `${list.dataset.up}: ${field.label}` }, icon("chevron-up"));
  const down = el("button", { type: "button", class: "btn btn-sm btn-icon btn-ghost", "aria-label": `${list.dataset.down}: ${field.label}` }, icon("chevron-down"));
  const made = el("li", {}, box, el("label", { for: id }, field.label), up, down);
  up.addEventListener("click", () => { made.previousElementSibling?.before(made); up.focus(); });
  down.addEventListener("click", () => { made.nextElementSibling?.after(made); down.focus(); });
  return made;
}

on("submit", "form[data-column-chooser]", (event, form) => {
  event.preventDefault();
  const chosen = [...form.querySelectorAll("input:checked")].map((box) => box.value);
  const address = new URL(location.href);
  address.searchParams.delete("cursor");
  address.searchParams.set("fields", chosen.length ? chosen.join(",") : "name");
  location.assign(address);
});
