// Roles as a matrix, and removing a field that holds values.
import { call, sentence } from "./api.js";
import { el, on } from "./dom.js";
import { open } from "./dialogs.js";
import { toast, toastNext } from "./toast.js";
import { say } from "./words.js";

// One cell at a time, on what the role is now: two people at one matrix do not undo each other.
on("change", "select[data-role]", async (_, cell) => {
  const path = `/api/v1/roles/${cell.dataset.role}`;
  cell.disabled = true;
  const now = await call("GET", path);
  const permissions = { ...now.data?.permissions, [cell.dataset.permission]: cell.value || "none" };
  const answer = now.ok ? await call("PATCH", path, { permissions }) : now;
  cell.disabled = false;
  cell.focus();
  if (answer.ok) {
    cell.dataset.held = cell.value;
    return toast(say("saved"));
  }
  cell.value = cell.dataset.held;
  toast(sentence(answer.data), { kind: "fault" });
});

on("click", "[data-remove-field]", (_, button) => remove(button.dataset.removeField, button.dataset.fieldKey));

async function remove(id, key, confirm = "") {
  const answer = await call("POST", `/api/v1/custom-fields/${id}/remove?confirm=${encodeURIComponent(confirm)}`);
  if (answer.ok) {
    if (Object.keys(answer.data.values ?? {}).length) save(`${key}.json`, answer.data.values);
    toastNext(say("saved"), answer.data.change_set_id);
    return location.reload();
  }
  if (answer.status !== 409 || confirm) return toast(sentence(answer.data), { kind: "fault" });
  const form = document.querySelector("[data-remove-field-form]");
  form.dataset.id = id;
  form.dataset.key = key;
  form.querySelector("[data-fault]").textContent = `${answer.data.detail} (${key})`;
  open("remove-field");
}

on("submit", "[data-remove-field-form]", (event, form) => {
  event.preventDefault();
  if (form.elements.confirm.value === form.dataset.key) remove(form.dataset.id, form.dataset.key, form.dataset.key);
  else form.elements.confirm.focus();
});

function save(name, values) {
  const address = URL.createObjectURL(new Blob([JSON.stringify(values, null, 2)], { type: "application/json" }));
  el("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
}
