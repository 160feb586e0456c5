// Forms that send JSON to the API: `data-api="POST /api/v1/…"`. Complaints are shown at the field they are about, and
// nothing that was typed is lost: not by a refusal, not by a session that ended, not by a lost connection.
import { call, sentence } from "./api.js";
import { el, on } from "./dom.js";
import { toast, toastNext } from "./toast.js";
import { data, say } from "./words.js";

export function valuesOf(form) {
  const body = {};
  for (const input of form.querySelectorAll("[name]")) {
    if (input.closest("[hidden]") || (input.type === "radio" && !input.checked)) continue;
    if (input.dataset.member !== undefined) {
      body[input.name] ??= [];
      if (input.checked) body[input.name].push(input.value);
      continue;
    }
    const value = read(input);
    if (value !== undefined) place(body, input.name.split(input.name.includes("~") ? "~" : "."), value);
  }
  return dense({ ...body, ...(form.dataset.extra ? data(form.dataset.extra) : {}) });
}

// Whole minor units of an amount as people write it; NaN for what is none, or has more decimals than its currency.
function minor(input) {
  const from = input.dataset.currency && input.form.elements[input.dataset.currency].value.toUpperCase();
  const digits = from ? data("currency-digits")?.[from] ?? 2 : Number(input.dataset.digits ?? 2);
  const [, whole, part = ""] = /^(\d+)(?:[.,](\d+))?$/.exec(input.value.replace(/\s/g, "")) ?? [, "", "x"];
  return whole && part.length <= digits ? Number(whole + part.padEnd(digits, "0")) : NaN;
}

function read(input) {
  const kind = input.dataset.kind;
  if (kind === "boolean" || input.type === "checkbox") return input.checked;
  const text = input.value;
  if (text === "") return input.dataset.empty === "null" ? null : undefined;
  if (kind === "money") return minor(input);
  if (kind === "integer" || kind === "number") return Number.isNaN(Number(text)) ? text : Number(text);
  if (kind === "minutes") return Math.round(Number(text) * 60);
  if (kind === "list") return text.split(",").map((part) => part.trim()).filter(Boolean);
  if (kind === "json") return JSON.parse(text);
  if (kind === "moment") return new Date(text).toISOString();
  return text;
}

function place(body, path, value) {
  const [first, ...rest] = path;
  if (!rest.length) body[first] = value;
  else {
    body[first] ??= /^\d+$/.test(rest[0]) ? [] : {};
    place(body[first], rest, value);
  }
}

function dense(value) {
  if (Array.isArray(value)) return value.filter((part) => part !== undefined).map(dense);
  if (value && typeof value === "object") for (const key of Object.keys(value)) value[key] = dense(value[key]);
  return value;
}

export function showFaults(form, problem) {
  clearFaults(form);
  const rest = [];
  const sent = asSent(form);
  for (const error of problem?.errors ?? []) {
    const name = (error.pointer ?? "").slice(1).replaceAll("/", ".");
    const input = name ? sent.get(name) ?? form.querySelector(`[name="${CSS.escape(name.replace(".", "~"))}"]`) : null;
    if (input && input.type !== "hidden" && !input.closest("[hidden]")) mark(input, error.detail);
    else rest.push(error.detail);
  }
  const place = form.querySelector("[data-fault]");
  const marked = form.querySelector("[aria-invalid=true]");
  if (place) {
    const text = marked && !rest.length ? "" : [problem?.detail, ...rest, problem?.remedy].filter(Boolean).join(" ");
    place.hidden = !text;
    place.replaceChildren(text);
  }
  (marked ?? form.querySelector("[name]"))?.focus();
}

// The inputs by the place their value was sent at: rows that were taken away leave gaps in names, and none in lists.
function asSent(form) {
  const inputs = [...form.querySelectorAll("[name]")].filter((input) => !input.closest("[hidden]"));
  const rows = {};
  const walk = (name, each) => name.split(".").reduce((before, part) => `${before}.${each(before, part)}`, "").slice(1);
  for (const input of inputs) walk(input.name, (before, part) => (/^\d+$/.test(part) && (rows[before] ??= new Set()).add(Number(part)), part));
  for (const name of Object.keys(rows)) rows[name] = [...rows[name]].sort((one, other) => one - other);
  return new Map(inputs.map((input) => {
    let real = "";
    const place = walk(input.name, (_, part) => {
      const found = rows[real]?.indexOf(Number(part)) ?? -1;
      real += `.${part}`;
      return found < 0 ? part : found;
    });
    return [place, input];
  }));
}

function mark(input, text) {
  for (let folded = input.closest("details"); folded; folded = folded.parentElement.closest("details")) folded.open = true;
  const id = `${input.id || input.name}-fault`;
  input.setAttribute("aria-invalid", "true");
  input.setAttribute("aria-describedby", id);
  input.classList.add("is-invalid");
  input.after(el("div", { class: "invalid-feedback", id }, text));
}

function clearFaults(form) {
  for (const input of form.querySelectorAll("[aria-invalid]")) {
    input.removeAttribute("aria-invalid");
    input.removeAttribute("aria-describedby");
    input.classList.remove("is-invalid");
  }
  for (const old of form.querySelectorAll(".invalid-feedback")) old.remove();
}

// Mark what is no amount, and say whether there is any.
export function refuseAmounts(form) {
  const wrong = [...form.querySelectorAll("[data-kind=money]")].filter(
    (input) => input.value && !input.closest("[hidden]") && !Number.isInteger(minor(input)),
  );
  if (wrong.length) clearFaults(form);
  for (const input of wrong) mark(input, say("amount"));
  wrong[0]?.focus();
  return wrong.length > 0;
}

export async function submit(form, extra = {}) {
  if (form.dataset.busy) return null;
  if (refuseAmounts(form)) return null;
  form.dataset.busy = "yes";
  const button = form.querySelector("button[type=submit]");
  if (button) button.disabled = true;
  form.dataset.key ||= crypto.randomUUID?.() ?? String(Math.random());
  const [method, path] = form.dataset.api.split(" ");
  const body = { ...valuesOf(form), ...extra };
  const keyed = (method === "POST" || method === "PATCH") && !path.includes("/me/") ? form.dataset.key : null;
  const version = form.dataset.version ?? null;
  const answer = await call(method, path, method === "DELETE" ? null : body, { version, key: keyed });
  delete form.dataset.busy;
  if (button) button.disabled = false;
  if (answer.ok || answer.status !== 0) delete form.dataset.key;
  if (answer.ok) done(form, answer);
  else if (answer.status === 409 && answer.data?.candidates) offer(form, answer.data, extra);
  else showFaults(form, answer.data);
  return answer;
}

function done(form, answer) {
  clearFaults(form);
  const [then, ...rest] = (form.dataset.then ?? "reload").split(":");
  const target = rest.join(":");
  const said = form.dataset.said;
  if (then === "go") return leave(target, said);
  if (then === "contact") return leave(`/contacts/${answer.data.id}`, said);
  if (then === "view") return leave(`${form.dataset.path}?view=${answer.data.id}`, said);
  if (then === "reload") return leave(location.href, said);
  form.closest("dialog")?.close();
  form.reset();
  if (said) toast(said);
  form.dispatchEvent(new CustomEvent("desk:done", { bubbles: true, detail: answer }));
  document.dispatchEvent(new CustomEvent("desk:changed", { detail: { then: target } }));
}

export function leave(address, said, undo) {
  if (said) toastNext(said, undo);
  if (address === location.href) location.reload();
  else location.assign(address);
}

function offer(form, problem, extra) {
  const place = form.querySelector("[data-fault]");
  const links = problem.candidates.slice(0, 3).map((id) => el("a", { href: `/contacts/${id}`, class: "alert-link" }, say("open")));
  const again = el("button", { type: "button", class: "btn btn-sm" }, say("create_anyway"));
  again.addEventListener("click", () => submit(form, { ...extra, on_duplicate: "allow" }));
  const parts = links.flatMap((link) => [link, " "]);
  place.replaceChildren(`${say("duplicate")} `, ...parts, again);
  place.hidden = false;
  again.focus();
}

on("submit", "form[data-api]", (event, form) => {
  event.preventDefault();
  submit(form);
});

on("keydown", "form[data-api]", (event, form) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    form.requestSubmit();
  }
});

on("change", "[data-switch]", (_, input) => {
  for (const part of input.form.querySelectorAll("[data-when]")) {
    const [name, wanted] = part.dataset.when.split("=");
    if (name === input.dataset.switch) part.hidden = !wanted.split("|").includes(input.value);
  }
});
