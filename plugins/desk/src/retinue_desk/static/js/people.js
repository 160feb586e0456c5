// Who has which roles, and who is in which team.
import { call, sentence } from "./api.js";
import { open } from "./dialogs.js";
import { on } from "./dom.js";
import { toast, toastNext } from "./toast.js";
import { say } from "./words.js";

on("click", "[data-roles-of]", (_, button) => {
  const form = document.querySelector("[data-account-roles]");
  const held = button.dataset.held.split(",");
  form.dataset.accountRoles = button.dataset.rolesOf;
  form.querySelector("h2").textContent = button.getAttribute("aria-label");
  form.querySelector("[data-fault]").hidden = true;
  for (const box of form.querySelectorAll("input[name=role]")) box.checked = held.includes(box.value);
  open("account-roles");
});

on("submit", "[data-account-roles]", async (event, form) => {
  event.preventDefault();
  const roles = [...form.querySelectorAll("input[name=role]:checked")].map((box) => box.value);
  const answer = await call("PATCH", `/api/v1/accounts/${form.dataset.accountRoles}`, { role_ids: roles });
  if (answer.ok) return again();
  const fault = form.querySelector("[data-fault]");
  fault.hidden = false;
  fault.textContent = sentence(answer.data);
});

on("submit", "[data-member-form]", async (event, form) => {
  event.preventDefault();
  const path = `/api/v1/teams/${form.dataset.memberForm}/members/${form.elements.account.value}`;
  const answer = await call("PUT", path, { is_lead: form.elements.lead.checked });
  if (answer.ok) again();
  else toast(sentence(answer.data), { kind: "fault" });
});

function again() {
  toastNext(say("saved"));
  location.reload();
}
