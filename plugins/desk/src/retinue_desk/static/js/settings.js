// Plugins, with the forms that they declare.
import { call, sentence } from "./api.js";
import { el, icon, on } from "./dom.js";
import { followed } from "./following.js";
import { showFaults } from "./forms.js";
import { toast } from "./toast.js";
import { data, say } from "./words.js";

// ---- plugins -------------------------------------------------------------------------------------------------------------------
const place = document.querySelector("[data-plugins]");
const words = data("plugin-words") ?? {};
const TONES = { enabled: "green", quarantined: "orange", missing: "red" };

async function list() {
  const answer = await call("GET", "/api/v1/plugins");
  if (!answer.ok) return toast(sentence(answer.data), { kind: "fault" });
  place.querySelector("[data-plugin-list]").replaceChildren(...answer.data.map(line));
}

function line(plugin) {
  const acts = el("div", { class: "btn-list" });
  const may = (name) => place.dataset[name] === "True";
  const offer = (word, picture, act) => acts.append(button(words[word], picture, act));
  if (plugin.state === "quarantined" && may("mayEnable")) offer("resume", "player-play", () => resume(plugin));
  if (plugin.enabled && may("mayConfigure")) offer("settings", "settings", () => configure(plugin));
  if (plugin.enabled && plugin.name !== "desk" && may("mayDisable")) offer("disable", "plug", () => plan(plugin, "disable"));
  if (!plugin.enabled && plugin.state !== "missing" && may("mayEnable")) offer("enable", "plug", () => plan(plugin, "enable"));
  if (!plugin.enabled && plugin.state === "disabled" && may("mayUninstall")) offer("uninstall", "trash", () => plan(plugin, "uninstall"));
  const state = el("span", { class: `badge bg-${TONES[plugin.state] ?? "secondary"}-lt` }, words[plugin.state] ?? plugin.state);
  return el("li", {}, el("div", {}, el("strong", {}, plugin.title || plugin.name), " ", state, " ", el("small", { class: "text-secondary" }, plugin.version), el("p", {}, plugin.summary), plugin.reason ? el("p", { class: "text-danger" }, plugin.reason) : null), acts);
}

function button(text, picture, act) {
  const made = el("button", { type: "button", class: "btn btn-sm" }, icon(picture), text);
  made.addEventListener("click", async () => {
    made.disabled = true;
    await act();
    made.disabled = false;
  });
  return made;
}

async function resume(plugin) {
  const answer = await call("POST", `/api/v1/plugins/${plugin.name}/resume`);
  if (!answer.ok) return toast(sentence(answer.data), { kind: "fault" });
  await followed();
  location.reload();
}

// What an action would touch is read before it is done; it is done only to what was read.
async function plan(plugin, action) {
  const answer = await call("POST", `/api/v1/plugins/${plugin.name}/plan`, { action });
  if (!answer.ok) return toast(sentence(answer.data), { kind: "fault" });
  const dialog = document.getElementById("plugin-plan");
  const { items, refusals } = answer.data;
  dialog.querySelector("h2").textContent = `${words[action]}: ${plugin.title || plugin.name}`;
  dialog.querySelector("[data-plan-note]").hidden = action !== "uninstall";
  dialog.querySelector("[data-plan-items]").replaceChildren(...items.map((item) => row([[`${item.kind} `, el("code", {}, item.name)], [item.effect], [item.rows === null ? "–" : String(item.rows)]])));
  const faults = dialog.querySelector("[data-plan-faults]");
  faults.hidden = !refusals.length;
  faults.replaceChildren(...refusals.map((refusal) => el("p", {}, `${refusal.detail} ${refusal.remedy ?? ""}`)));
  const go = dialog.querySelector("[data-plan-go]");
  go.hidden = refusals.length > 0;
  go.onclick = () => apply(plugin, answer.data, go);
  dialog.showModal();
  (go.hidden ? dialog.querySelector("[data-close]") : go).focus();
}

async function apply(plugin, planned, go) {
  go.disabled = true;
  const answer = await call("POST", `/api/v1/plugins/${plugin.name}/apply`, { plan: planned });
  go.disabled = false;
  if (!answer.ok) {
    const faults = go.closest("dialog").querySelector("[data-plan-faults]");
    faults.hidden = false;
    return faults.replaceChildren(el("p", {}, sentence(answer.data)));
  }
  go.closest("dialog").close();
  await followed();
  location.reload();
}

function row(cells) {
  return el("tr", {}, ...cells.map((cell) => el("td", {}, ...cell)));
}

async function watch() {
  const [timing, processes] = await Promise.all([call("GET", "/api/v1/plugins/timing"), call("GET", "/api/v1/plugins/processes")]);
  const format = new Intl.NumberFormat(document.documentElement.lang, { maximumFractionDigits: 2 });
  const ms = (us) => [`${format.format(us / 1000)} ms`];
  const lines = timing.ok ? timing.data.map((t) => row([[t.plugin], [el("code", {}, t.hook)], [format.format(t.calls)], ms(t.p50_us), ms(t.p95_us), ms(t.longest_us)])) : [];
  place.ownerDocument.querySelector("[data-timing]").replaceChildren(...(lines.length ? lines : [el("tr", {}, el("td", { colspan: "6", class: "text-secondary" }, words.no_calls))]));
  const known = processes.ok ? processes.data : [];
  document.querySelector("[data-processes]").replaceChildren(...known.map((p) => el("li", {}, el("span", { class: `badge bg-${p.alive ? "green" : "secondary"}-lt` }, p.alive ? words.alive : words.ended), el("span", { class: "desk-grow" }, `${p.kind} · ${p.machine} · ${p.pid}`), el("small", { class: "text-secondary" }, p.version))));
}

async function configure(plugin) {
  const answer = await call("GET", `/api/v1/plugins/${plugin.name}/settings?language=${document.documentElement.lang}`);
  if (!answer.ok) return toast(sentence(answer.data), { kind: "fault" });
  const dialog = document.getElementById("plugin-settings");
  const form = dialog.querySelector("form");
  dialog.querySelector("h2").textContent = answer.data.title;
  form.dataset.plugin = plugin.name;
  form.dataset.version = answer.data.version;
  form.querySelector("[data-plugin-fields]").replaceChildren(...answer.data.form.map((field) => control(field, answer.data)));
  dialog.showModal();
}

function control(field, state) {
  const id = `setting-${field.name}`;
  const value = state.values[field.name] ?? field.default ?? "";
  let input;
  if (field.kind === "choice") {
    input = el("select", { class: "form-select", id, name: field.name }, ...field.choices.map((choice) => el("option", { value: choice }, choice)));
    input.value = value;
  } else if (field.kind === "boolean") {
    input = el("input", { type: "checkbox", class: "form-check-input", id, name: field.name, checked: value === true });
  } else {
    const type = field.secret ? "password" : { integer: "number", decimal: "number", date: "date", url: "url", email: "email" }[field.kind] ?? "text";
    input = el("input", { class: "form-control", id, name: field.name, type, min: field.least, max: field.most, step: field.kind === "decimal" ? "any" : null, autocomplete: "off", placeholder: field.secret && state.secrets[field.name] ? words.secret : null });
    input.value = field.secret ? "" : value;
  }
  input.dataset.setting = field.secret ? "secret" : field.kind;
  return el("div", { class: "mb-3" }, el("label", { class: "form-label", for: id }, field.label), input, field.help ? el("div", { class: "form-hint" }, field.help) : null);
}

on("submit", "[data-plugin-form]", async (event, form) => {
  event.preventDefault();
  const values = {};
  for (const input of form.querySelectorAll("[data-setting]")) {
    const kind = input.dataset.setting;
    if (kind === "secret" && !input.value) continue;
    values[input.name] = kind === "boolean" ? input.checked : input.value === "" ? null : kind === "integer" ? Number(input.value) : input.value;
  }
  const answer = await call("PATCH", `/api/v1/plugins/${form.dataset.plugin}/settings`, { values }, { version: form.dataset.version });
  if (!answer.ok) {
    const errors = (answer.data?.errors ?? []).map((error) => ({ ...error, pointer: (error.pointer ?? "").replace("/values", "") }));
    return showFaults(form, { ...answer.data, errors });
  }
  form.closest("dialog").close();
  toast(say("saved"));
});

if (place) {
  list();
  watch();
}
