// The first visit: the first account, then organisation, plugins and people. All of it by the public API.
import { call, revert, sentence } from "./api.js";
import { on } from "./dom.js";
import { followed } from "./following.js";
import { leave, showFaults } from "./forms.js";
import { toast } from "./toast.js";
import { say } from "./words.js";

const form = document.querySelector("[data-setup]");
if (form) {
  const code = location.hash.slice(1);
  form.elements.time_zone.value = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
  if (code) {
    form.elements.code.value = code;
    history.replaceState(null, "", location.pathname); // what opens the installation stays in no history
  }
  form.elements[code ? "name" : "code"].focus();
}

on("submit", "[data-setup]", async (event) => {
  event.preventDefault();
  const button = form.querySelector("button[type=submit]");
  if (button.disabled) return;
  button.disabled = true;
  const values = Object.fromEntries(new FormData(form));
  const made = await call("POST", "/api/v1/setup", values, { again: false });
  const { login, password } = values;
  const signed = made.ok ? await call("POST", "/api/v1/sessions", { login, password }) : made;
  button.disabled = false;
  if (signed.ok) location.assign("/welcome");
  else showFaults(form, signed.data);
});

// One after the other: each waits for the tables of the one before.
on("submit", "[data-choose-plugins]", async (event, chosen) => {
  event.preventDefault();
  const button = chosen.querySelector("button[type=submit]");
  const fault = chosen.querySelector("[data-fault]");
  const names = [...chosen.querySelectorAll("input:checked:not(:disabled)")].map((input) => input.name);
  if (!names.length || button.disabled) return;
  button.disabled = true;
  fault.hidden = true;
  const refused = [];
  for (const name of names) {
    const answer = await call("POST", `/api/v1/plugins/${name}/enable`);
    if (!answer.ok) refused.push(`${name}: ${sentence(answer.data)}`);
  }
  await followed(names.length - refused.length);
  button.disabled = false;
  if (!refused.length) return leave(location.href, say("saved"));
  fault.textContent = refused.join(" ");
  fault.hidden = false;
});

on("click", "[data-made-up]", async (_, button) => {
  button.disabled = true;
  const people = await (await fetch(button.dataset.madeUp)).json();
  const answer = await call("POST", "/api/v1/contacts/batch", { create: people, on_duplicate: "allow", label: button.textContent.trim() });
  button.disabled = false;
  if (!answer.ok) return toast(sentence(answer.data), { kind: "fault" });
  const said = document.querySelector("[data-made-up-said]");
  said.hidden = false;
  toast(say("saved"), { undo: async () => (said.hidden = await revert(answer.data.change_set_id)) });
});
