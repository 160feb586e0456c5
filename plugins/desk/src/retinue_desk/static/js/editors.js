// A field becomes a small form where it stands: Enter saves, Esc discards, Tab saves and goes to the next. A change somebody
// else made meanwhile is shown beside one's own, and neither is lost. Who edits what is the caller's: see `edit`.
import { call, sentence } from "./api.js";
import { el, icon, on } from "./dom.js";
import { say } from "./words.js";

// `subject`: place, name, kind, label, value, choices, accounts; url and version of the record; neighbour(step) names the
// next field, done(next) follows a save, left() an edit that was given up.
export function edit(subject) {
  const { place } = subject;
  if (place.querySelector("form")) return;
  const editor = make(subject);
  const form = el("form", { class: "desk-editor", novalidate: true }, editor.node, hint());
  form.subject = subject;
  form.read = editor.read;
  place.append(form);
  place.classList.add("desk-editing");
  const first = form.querySelector("input, select, textarea");
  first.focus();
  first.select?.();
}

function hint() {
  const save = el("button", { type: "submit", class: "btn btn-sm btn-primary btn-icon", "aria-label": say("save") }, icon("check"));
  const cancel = el("button", { type: "button", class: "btn btn-sm btn-icon", "data-discard": true, "aria-label": say("cancel") }, icon("x"));
  return el("span", { class: "desk-editor-end" }, save, cancel);
}

function make({ kind, label, value: raw, choices: own, accounts }) {
  const common = { "aria-label": label, class: "form-control form-control-sm", autocomplete: "off", dir: "auto" };
  if (kind === "choice" || kind === "account" || kind === "boolean") {
    const choices = kind === "account" ? accounts : kind === "boolean" ? [["true", say("yes")], ["false", say("no")]] : own;
    const select = el("select", { "aria-label": label, class: "form-select form-select-sm" }, el("option", { value: "" }, "–"), ...choices.map(([value, text]) => el("option", { value }, text)));
    select.value = raw === null || raw === undefined ? "" : String(raw);
    return { node: select, read: () => (select.value === "" ? null : kind === "boolean" ? select.value === "true" : select.value) };
  }
  if (kind === "long") {
    const area = el("textarea", { ...common, rows: "5" });
    area.value = raw ?? "";
    return { node: area, read: () => area.value || null };
  }
  if (kind === "tags" || kind === "many") {
    const input = el("input", { ...common, type: "text", title: say("many_hint") });
    input.value = (raw ?? []).join(", ");
    return { node: input, read: () => input.value.split(",").map((part) => part.trim()).filter(Boolean) };
  }
  if (kind === "entries") return entries(raw ?? [], label, ["value", "label"]);
  if (kind === "addresses") return entries(raw ?? [], label, ["street", "city", "postal_code", "country"]);
  const input = el("input", { ...common, type: kind === "date" ? "date" : kind === "number" ? "number" : "text", step: kind === "number" ? "any" : null });
  input.value = raw ?? "";
  return { node: input, read: () => (input.value === "" ? null : kind === "number" ? Number(input.value) : input.value) };
}

function entries(raw, label, parts) {
  const box = el("div", { class: "desk-entries-editor" });
  const add = (entry = {}) => {
    const row = el("div", { class: "desk-entry-row" }, ...parts.map((part) => el("input", { class: "form-control form-control-sm", "data-part": part, "aria-label": `${label}: ${say(part)}`, placeholder: say(part), autocomplete: "off", dir: "auto" })));
    row.before_ = entry;
    for (const input of row.querySelectorAll("input")) input.value = entry[input.dataset.part] ?? "";
    const remove = el("button", { type: "button", class: "btn btn-sm btn-icon btn-ghost", "aria-label": say("remove") }, icon("x"));
    remove.addEventListener("click", () => row.remove());
    row.append(remove);
    box.insertBefore(row, more);
  };
  const more = el("button", { type: "button", class: "btn btn-sm btn-ghost-primary" }, icon("plus"), say("another"));
  more.addEventListener("click", () => {
    add();
    box.querySelector(".desk-entry-row:last-of-type input").focus();
  });
  box.append(more);
  for (const entry of raw.length ? raw : [{}]) add(entry);
  const read = () => [...box.querySelectorAll(".desk-entry-row")].map((row) => {
    const made = {};
    if (!parts.includes("value")) Object.assign(made, row.before_);
    for (const input of row.querySelectorAll("input")) {
      if (input.value.trim()) made[input.dataset.part] = input.value.trim();
      else delete made[input.dataset.part];
    }
    return made;
  }).filter((entry) => (parts.includes("value") ? entry.value : Object.keys(entry).length));
  return { node: box, read };
}

on("click", ".desk-editor [data-discard]", (_, button) => stop(button.closest("form")));
on("keydown", ".desk-editor", (event, form) => {
  if (event.key === "Escape") {
    event.preventDefault();
    event.stopPropagation();
    stop(form);
  } else if (event.key === "Enter" && event.target.tagName === "INPUT") {
    event.preventDefault();
    save(form);
  } else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) save(form);
  else if (event.key === "Tab" && isEdge(form, event)) {
    event.preventDefault();
    const next = form.subject.neighbour(event.shiftKey ? -1 : 1);
    save(form, next);
  }
});
on("submit", ".desk-editor", (event, form) => {
  event.preventDefault();
  save(form);
});

function isEdge(form, event) {
  const inputs = [...form.querySelectorAll("input, select, textarea")];
  return event.shiftKey ? event.target === inputs[0] : event.target === inputs.at(-1);
}

function stop(form) {
  form.subject.place.classList.remove("desk-editing");
  form.remove();
  form.subject.left();
}

function bodyOf(name, value) {
  return name.startsWith("custom.") ? { custom: { [name.slice(7)]: value } } : { [name]: value };
}

async function save(form, next = null, version = null) {
  if (form.dataset.busy) return;
  const { name, value: before, url, done } = form.subject;
  const value = form.read();
  if (same(value, before) && version === null) {
    stop(form);
    if (next) form.subject.open(next);
    return;
  }
  form.dataset.busy = "yes";
  const answer = await call("PATCH", url, bodyOf(name, value), { version: version ?? form.subject.version });
  delete form.dataset.busy;
  if (answer.ok) await done(next);
  else if (answer.status === 412) conflict(form, answer.data, next);
  else fault(form, sentence({ detail: answer.data?.errors?.length ? "" : answer.data?.detail, errors: answer.data?.errors }));
}

function same(a, b) {
  const plain = (x) => JSON.stringify(x === undefined || x === "" || (Array.isArray(x) && !x.length) ? null : strip(x));
  return plain(a) === plain(b);
}

function strip(x) {
  return Array.isArray(x) ? x.map((e) => (e && typeof e === "object" ? { ...e, e164: undefined } : e)) : x;
}

function fault(form, text) {
  form.querySelector(".invalid-feedback")?.remove();
  const id = `fault-${form.subject.name}`;
  form.append(el("div", { class: "invalid-feedback", id, role: "alert" }, text));
  const input = form.querySelector("input, select, textarea");
  input.setAttribute("aria-invalid", "true");
  input.setAttribute("aria-describedby", id);
  input.focus();
}

// ---- two people at one field -----------------------------------------------------------------------------------------------
function conflict(form, problem, next) {
  const { name } = form.subject;
  const current = problem.current ?? {};
  const theirs = name.startsWith("custom.") ? current.custom?.[name.slice(7)] : current[name];
  const yours = form.read();
  const dialog = el("dialog", { class: "desk-dialog", "aria-labelledby": "conflict-title" });
  const keepTheirs = el("button", { type: "button", class: "btn" }, say("keep_theirs"));
  const keepYours = el("button", { type: "button", class: "btn btn-primary" }, say("keep_yours"));
  keepTheirs.addEventListener("click", async () => {
    dialog.close();
    await form.subject.done(null);
  });
  keepYours.addEventListener("click", () => {
    dialog.close();
    save(form, next, current.version ?? problem.current_version);
  });
  dialog.append(
    el("h2", { id: "conflict-title" }, say("stale")),
    el("dl", { class: "desk-conflict" }, el("dt", {}, say("theirs")), el("dd", { "data-theirs": true }, words(theirs)), el("dt", {}, say("yours")), el("dd", { "data-yours": true }, words(yours))),
    el("div", { class: "desk-dialog-end" }, keepTheirs, keepYours),
  );
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

function words(value) {
  if (value === null || value === undefined || value === "") return "–";
  if (Array.isArray(value)) return value.map((part) => (typeof part === "object" ? (part.value ?? Object.values(part).join(", ")) : part)).join(", ") || "–";
  return String(value);
}
