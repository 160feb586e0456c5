// The command palette and the list of shortcuts, from one registry: what plugins and pages declare, for whom they may.
import { call } from "./api.js";
import { el, fold, icon, isTyping, on } from "./dom.js";
import { data, say } from "./words.js";

const registry = data("palette-data");
const dialog = document.getElementById("palette");
const input = dialog?.querySelector("input");
const list = document.getElementById("palette-list");
const contactId = () => document.querySelector("[data-contact]")?.dataset.contact ?? null;
let views = null;

// ---- opening ----------------------------------------------------------------------------------------------------------------
function openPalette() {
  if (!dialog || dialog.open) return;
  dialog.showModal();
  input.value = "";
  input.focus();
  find();
}

on("click", "[data-open-palette]", openPalette);
on("click", "#palette", (event) => event.target === dialog && dialog.close());
document.addEventListener("keydown", (event) => {
  if (event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    openPalette();
  }
});

// ---- what is found ------------------------------------------------------------------------------------------------------------
let timer = 0;
let asked = 0;
let underway = null;

input?.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(find, 120);
});

function find() {
  clearTimeout(timer);
  timer = 0;
  const turn = refresh();
  underway = turn;
  turn.finally(() => (underway = underway === turn ? null : underway));
  return turn;
}

async function refresh() {
  const turn = ++asked;
  const typed = input.value.trim();
  const prefix = "@#!".includes(typed[0] ?? " ") ? typed[0] : "";
  const wanted = fold(prefix ? typed.slice(1).trim() : typed);
  const groups = [];
  if (!prefix || prefix === "!") groups.push(["commands", commands(wanted)]);
  if (!typed) groups.push(["recent", recent()]);
  show(groups);
  if ((!prefix || prefix === "#") && registry.may_views) groups.push(["views", await matchingViews(wanted)]);
  if ((!prefix || prefix === "@") && registry.may_search && wanted) groups.unshift(["contacts", await contacts(prefix ? typed.slice(1).trim() : typed)]);
  if (turn === asked) show(groups);
}

function commands(wanted) {
  const here = contactId();
  return registry.commands
    .filter((command) => command.on !== "contact" || here)
    .filter((command) => wanted.split(/\s+/).every((word) => fold(command.label).includes(word)))
    .map((command) => ({ text: command.label, icon: command.icon, keys: command.keys, href: command.path.replace("{contact_id}", here ?? "") }));
}

async function matchingViews(wanted) {
  if (!views) {
    const answer = await call("GET", "/api/v1/views?entity=contact");
    views = answer.ok ? answer.data : [];
  }
  return views.filter((view) => fold(view.name).includes(wanted)).slice(0, 6).map((view) => ({ text: view.name, icon: "list-details", href: `/contacts?view=${view.id}` }));
}

async function contacts(wanted) {
  const answer = await call("GET", `/api/v1/contacts/search?limit=8&q=${encodeURIComponent(wanted)}`);
  if (!answer.ok) return [];
  return answer.data.map((contact) => ({ text: contact.name, more: contact.job_title || contact.city, icon: contact.kind === "organisation" ? "building" : "user", href: `/contacts/${contact.id}`, keep: true }));
}

// ---- what was opened lately: for this window only, gone with it ---------------------------------------------------------------
function recent() {
  return JSON.parse(sessionStorage.getItem("retinue-recent") ?? "[]");
}

function remember(item) {
  const kept = [item, ...recent().filter((other) => other.href !== item.href)].slice(0, 5);
  sessionStorage.setItem("retinue-recent", JSON.stringify(kept));
}

// ---- showing and choosing -------------------------------------------------------------------------------------------------------
function show(groups) {
  list.replaceChildren();
  let place = 0;
  for (const [name, items] of groups) {
    if (!items.length) continue;
    const id = `palette-group-${name}`;
    const group = el("div", { role: "group", "aria-labelledby": id }, el("div", { class: "desk-palette-head", id }, registry.groups[name]));
    for (const item of items) group.append(option(item, place++));
    list.append(group);
  }
  if (!place) list.append(el("p", { class: "desk-palette-none" }, say("nothing")));
  choose(0);
}

function option(item, place) {
  const made = el("div", { role: "option", id: `palette-${place}`, "aria-selected": "false", class: "desk-palette-item" }, icon(item.icon), el("bdi", {}, item.text), item.more ? el("small", { dir: "auto" }, item.more) : null, item.keys ? el("kbd", {}, item.keys) : null);
  made.addEventListener("click", () => go(item));
  made.item = item;
  return made;
}

function options() {
  return [...list.querySelectorAll("[role=option]")];
}

function choose(place) {
  const all = options();
  if (!all.length) return input.removeAttribute("aria-activedescendant");
  const chosen = (place + all.length) % all.length;
  all.forEach((one, at) => one.setAttribute("aria-selected", String(at === chosen)));
  all[chosen].scrollIntoView({ block: "nearest" });
  input.setAttribute("aria-activedescendant", all[chosen].id);
}

function go(item) {
  if (item.keep) remember({ text: item.text, icon: item.icon, href: item.href, keep: true });
  dialog.close();
  follow(item.href);
}

function follow(href) {
  const [path, hash] = href.split("#");
  const target = hash && path === location.pathname ? document.getElementById(hash) : null;
  if (target instanceof HTMLDialogElement) import("./dialogs.js").then(({ open }) => open(hash));
  else location.assign(href);
}

input?.addEventListener("keydown", async (event) => {
  if (event.key === "Enter" && (timer || underway)) {
    event.preventDefault();
    await (timer ? find() : underway); // what was typed last counts, however quickly Enter follows
    const first = options()[0];
    return first && go(first.item);
  }
  const here = options().findIndex((one) => one.getAttribute("aria-selected") === "true");
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    choose(here + (event.key === "ArrowDown" ? 1 : -1));
  } else if (event.key === "Enter") {
    event.preventDefault();
    const chosen = options()[Math.max(here, 0)];
    if (chosen) go(chosen.item);
  }
});

// ---- shortcuts -------------------------------------------------------------------------------------------------------------------
let begun = "";
let waiting = 0;

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || isTyping(event.target) || document.querySelector("dialog[open]")) return;
  if (event.key === "?") return showShortcuts(event);
  if (event.key.length !== 1 || !registry) return;
  const typed = begun ? `${begun} ${event.key}` : event.key;
  const match = registry.commands.find((command) => command.keys === typed && (command.on !== "contact" || contactId()));
  clearTimeout(waiting);
  begun = "";
  if (match) {
    event.preventDefault();
    follow(match.path.replace("{contact_id}", contactId() ?? ""));
  } else if (registry.commands.some((command) => command.keys?.startsWith(`${typed} `))) {
    begun = typed;
    waiting = setTimeout(() => (begun = ""), 1200);
  }
});

function showShortcuts(event) {
  event?.preventDefault();
  const shown = document.getElementById("shortcuts");
  const lines = [...registry.fixed];
  for (const button of document.querySelectorAll("main [data-key]")) lines.push([button.dataset.key.toUpperCase(), [...button.childNodes].filter((node) => node.nodeType === 3).map((node) => node.textContent.trim()).join(" ") || button.getAttribute("aria-label")]);
  for (const command of registry.commands) if (command.keys && (command.on !== "contact" || contactId())) lines.push([command.keys, command.label]);
  shown.querySelector("[data-shortcuts]").replaceChildren(...lines.map(([keys, text]) => el("div", {}, el("dt", {}, ...keys.split(" ").map((key) => el("kbd", {}, key))), el("dd", {}, text))));
  shown.showModal();
}

on("click", "[data-show-shortcuts]", (_, button) => {
  button.closest("[popover]")?.hidePopover();
  showShortcuts();
});
on("click", "[data-print]", () => window.print());

// An address may name a dialog to open.
const named = location.hash.slice(1);
if (named && document.getElementById(named) instanceof HTMLDialogElement) import("./dialogs.js").then(({ open }) => open(named));
