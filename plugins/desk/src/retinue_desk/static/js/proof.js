// A delicate deed asks who is there once more. The page stays as it is, and the request is repeated afterwards.
import { call, sentence } from "./api.js";
import { el, icon } from "./dom.js";
import { able, present } from "./passkey.js";
import { say } from "./words.js";

let waiting = null;

export function proveAgain() {
  waiting ??= ask().finally(() => (waiting = null));
  return waiting;
}

function ask() {
  const fault = el("div", { class: "alert alert-danger", role: "alert", hidden: true });
  const input = el("input", { class: "form-control", id: "proof-password", type: "password", autocomplete: "current-password", required: true });
  const cancel = el("button", { type: "button", class: "btn" }, say("cancel"));
  const go = el("button", { type: "submit", class: "btn btn-primary" }, say("go_on"));
  const key = el("button", { type: "button", class: "btn me-auto", hidden: !able() }, icon("fingerprint"), say("with_passkey"));
  const form = el("form", { novalidate: true }, el("h2", { id: "proof-title" }, say("prove")), el("p", {}, say("prove_why")), fault, el("label", { class: "form-label", for: "proof-password" }, say("password")), input, el("div", { class: "desk-dialog-end" }, key, cancel, go));
  const dialog = el("dialog", { class: "desk-dialog", "aria-labelledby": "proof-title" }, form);
  const give = async (body) => {
    go.disabled = key.disabled = true;
    const answer = await call("POST", "/api/v1/sessions/proof", body);
    go.disabled = key.disabled = false;
    if (answer.ok) return dialog.close("done");
    fault.textContent = sentence(answer.data);
    fault.hidden = false;
    input.select();
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    give({ password: input.value });
  });
  key.addEventListener("click", async () => {
    const offered = await call("POST", "/api/v1/sessions/proof/options");
    const credential = offered.ok ? await present(offered.data.options) : null;
    if (credential) return give({ credential });
    if (offered.ok) return input.focus();
    fault.textContent = sentence(offered.data);
    fault.hidden = false;
  });
  cancel.addEventListener("click", () => dialog.close());
  document.body.append(dialog);
  dialog.showModal();
  input.focus();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "done");
    });
  });
}
