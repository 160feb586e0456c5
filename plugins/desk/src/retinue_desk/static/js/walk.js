// Walking through a list: a look at a contact without leaving it, and from one contact's page to the next.
import { el, icon, on } from "./dom.js";
import { say } from "./words.js";

const KEY = "retinue-walk";

// ---- previous and next: which rows stood where one came from -----------------------------------------------------------------
on("click", "[data-walkable] a[href^='/contacts/']", (_, link) => {
  const ids = [...link.closest("[data-walkable]").querySelectorAll("[data-id]")].map((row) => row.dataset.id);
  sessionStorage.setItem(KEY, JSON.stringify({ ids, back: location.pathname + location.search }));
});

const place = document.querySelector("[data-walk]");
const walk = JSON.parse(sessionStorage.getItem(KEY) ?? "null");
const here = place && walk ? walk.ids.indexOf(place.dataset.walk) : -1;
if (here >= 0) {
  for (const link of place.querySelectorAll("[data-step]")) {
    const id = walk.ids[here + Number(link.dataset.step)];
    if (id) link.href = `/contacts/${id}`;
    else link.setAttribute("aria-disabled", "true");
  }
  place.querySelector("[data-walk-at]").textContent = say("bulk_running", { done: here + 1, total: walk.ids.length });
  document.querySelector(".desk-crumbs a")?.setAttribute("href", walk.back);
  place.hidden = false;
}

// ---- a look ----------------------------------------------------------------------------------------------------------------
on("click", "[data-peek]", (_, button) => peek(button.dataset.peek, button.dataset.name));
on("keydown", "#list-rows .desk-who a", (event, link) => {
  if (event.key !== " ") return;
  event.preventDefault();
  link.closest("tr").querySelector("[data-peek]")?.click();
});

async function peek(id, name) {
  const close = el("button", { type: "button", class: "btn btn-icon btn-ghost", "aria-label": say("close") }, icon("x"));
  const head = el("div", { class: "desk-peek-head" }, el("h2", { id: "peek-title", dir: "auto" }, name), el("a", { class: "btn btn-sm btn-primary", href: `/contacts/${id}` }, say("open")), close);
  const body = el("div", { id: "peek-body", class: "desk-contact-side" });
  const dialog = el("dialog", { class: "desk-dialog desk-peek", "aria-labelledby": "peek-title" }, head, body);
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  await window.htmx.ajax("GET", `/contacts/${id}/details`, { target: "#peek-body", swap: "innerHTML" });
}
