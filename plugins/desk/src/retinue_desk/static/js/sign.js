// Signing in and out. A session that ends in the middle of work is taken up again in a dialog: the page stays as it is.
import { call, sentence } from "./api.js";
import { el, on } from "./dom.js";
import { able, present } from "./passkey.js";
import { say } from "./words.js";

async function tryForm(form) {
  const fault = form.querySelector("[data-fault]");
  const asksCode = form.querySelector('[data-step="code"]');
  const values = new FormData(form);
  const answer = asksCode.hidden
    ? await call("POST", "/api/v1/sessions", { login: values.get("login"), password: values.get("password") })
    : await call("POST", "/api/v1/sessions/code", { code: values.get("code") });
  fault.hidden = answer.ok;
  if (!answer.ok) {
    fault.textContent = sentence(answer.data);
    form.querySelector("input:not([hidden])").focus();
    return null;
  }
  if (answer.data.is_pending) {
    form.querySelector('[data-step="password"]').hidden = true;
    asksCode.hidden = false;
    asksCode.querySelector("input").focus();
    return null;
  }
  return answer.data;
}

function arrive(form, signedIn) {
  const dialog = form.closest("dialog");
  if (dialog) dialog.close("done");
  else location.assign(signedIn.must_change ? `/password?next=${encodeURIComponent(form.dataset.next)}` : form.dataset.next);
}

on("click", "[data-passkey-sign-in]", async (_, button) => {
  const form = button.closest("form");
  const fault = form.querySelector("[data-fault]");
  button.disabled = true;
  const offered = await call("POST", "/api/v1/sessions/passkey/options");
  const credential = offered.ok ? await present(offered.data.options) : null;
  const answer = credential ? await call("POST", "/api/v1/sessions/passkey", { credential }) : offered;
  button.disabled = false;
  if (credential && answer.ok) return arrive(form, answer.data);
  fault.textContent = answer.ok ? say("no_passkey") : sentence(answer.data);
  fault.hidden = false;
});

on("submit", "form[data-sign-in]", async (event, form) => {
  event.preventDefault();
  const button = form.querySelector("button[type=submit]");
  button.disabled = true;
  const signedIn = await tryForm(form);
  button.disabled = false;
  if (signedIn) arrive(form, signedIn);
});

on("click", "[data-sign-out]", async () => {
  await call("DELETE", "/api/v1/sessions/current");
  location.assign("/sign-in");
});

let waiting = null;

export function signInAgain() {
  waiting ??= ask().finally(() => (waiting = null));
  return waiting;
}

async function ask() {
  const answer = await fetch("/sign-in", { headers: { Accept: "text/html" } });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const form = page.querySelector("form[data-sign-in]");
  if (!form) return false;
  const dialog = el("dialog", { class: "desk-dialog", "aria-label": say("signed_out") }, el("p", {}, say("signed_out")), document.importNode(form, true));
  document.body.append(dialog);
  for (const button of dialog.querySelectorAll("[data-needs-passkeys]")) button.hidden = !able();
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "done");
    });
  });
}

// A link to choose a new password carries its secret behind the #, where no server or log sees it.
const use = document.querySelector("[data-reset-use]");
if (use && location.hash.length > 1) {
  use.elements.token.value = decodeURIComponent(location.hash.slice(1));
  history.replaceState(null, "", location.pathname);
  document.querySelector("[data-reset-ask]").hidden = true;
  use.hidden = false;
}
