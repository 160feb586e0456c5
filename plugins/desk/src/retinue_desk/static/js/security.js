// One's own security: the second factor, passkeys, and API tokens.
import { call, sentence } from "./api.js";
import { on } from "./dom.js";
import { showFaults } from "./forms.js";
import { showOnce } from "./once.js";
import { make } from "./passkey.js";
import { toast } from "./toast.js";
import { say } from "./words.js";

// ---- the second factor ------------------------------------------------------------------------------------------------------
on("click", "[data-totp-start]", async (_, button) => {
  const answer = await call("POST", "/api/v1/me/totp");
  if (!answer.ok) return toast(sentence(answer.data), { kind: "fault" });
  const box = button.closest("[data-totp]");
  const picture = new DOMParser().parseFromString(answer.data.picture, "image/svg+xml").documentElement;
  picture.setAttribute("role", "img");
  picture.setAttribute("aria-label", "QR");
  box.querySelector("[data-totp-picture]").replaceChildren(document.importNode(picture, true));
  box.querySelector("[data-totp-seed]").textContent = answer.data.seed;
  box.querySelector("[data-totp-steps]").hidden = false;
  box.querySelector("#totp-code").focus();
});

on("submit", "[data-totp-confirm]", async (event, form) => {
  event.preventDefault();
  const answer = await call("PUT", "/api/v1/me/totp", { code: form.elements.code.value });
  if (!answer.ok) return showFaults(form, answer.data);
  form.closest("[data-totp-steps]").hidden = true;
  showOnce(say("recovery_codes"), answer.data.recovery_codes.join("\n"));
});

on("click", "[data-new-codes]", async () => {
  const answer = await call("POST", "/api/v1/me/recovery-codes");
  if (answer.ok) showOnce(say("recovery_codes"), answer.data.recovery_codes.join("\n"));
  else toast(sentence(answer.data), { kind: "fault" });
});

// ---- API tokens ------------------------------------------------------------------------------------------------------------
on("change", "[data-scope-all]", (_, box) => {
  for (const input of box.closest("fieldset").querySelectorAll("select")) {
    const wanted = box.checked ? [...input.options].at(-1).value : "";
    input.value = wanted;
  }
});

// ---- passkeys ---------------------------------------------------------------------------------------------------------------
on("submit", "[data-passkey-form]", async (event, form) => {
  event.preventDefault();
  const name = form.elements.name.value.trim();
  if (!name) return showFaults(form, { errors: [{ pointer: "/name", detail: say("name_it") }] });
  const offered = await call("POST", "/api/v1/me/passkeys/options");
  if (!offered.ok) return showFaults(form, offered.data);
  const credential = await make(offered.data.options);
  if (!credential) return showFaults(form, { detail: say("no_passkey") });
  const answer = await call("POST", "/api/v1/me/passkeys", { name, credential });
  if (!answer.ok) return showFaults(form, answer.data);
  form.closest("dialog")?.close();
  if (answer.data.recovery_codes?.length) showOnce(say("recovery_codes"), answer.data.recovery_codes.join("\n"));
  else location.reload();
});


if (document.querySelector("[data-me]")) {
  const { data: me } = await call("GET", "/api/v1/me");
  const facts = { has_totp: me?.has_totp, has_codes: me?.has_totp || me?.has_passkey };
  for (const part of document.querySelectorAll("[data-me]")) part.hidden = !facts[part.dataset.me];
}
