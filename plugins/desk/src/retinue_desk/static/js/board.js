// The board: a card moves by choosing its column, or by dragging; either way it can be taken back.
import { call, sentence } from "./api.js";
import { on } from "./dom.js";
import { toast } from "./toast.js";
import { say } from "./words.js";

on("change", "[data-board] select[data-move]", (_, select) => move(select.closest("[data-id]"), select.value));
on("change", "[data-board-by]", (_, select) => select.form.requestSubmit());

async function put(id, field, value) {
  const path = `/api/v1/contacts/${id}`;
  const now = await call("GET", path);
  if (!now.ok) return now;
  const body = field.startsWith("custom.") ? { custom: { [field.slice(7)]: value || null } } : { [field]: value || null };
  return call("PATCH", path, body, { version: now.data.version });
}

async function move(card, value, mayUndo = true) {
  const board = card.closest("[data-board]");
  const before = card.closest("[data-value]").dataset.value;
  if (value === before) return;
  const answer = await put(card.dataset.id, board.dataset.board, value);
  const select = card.querySelector("select");
  if (!answer.ok) {
    select.value = before;
    return toast(sentence(answer.data), { kind: "fault" });
  }
  const column = [...board.querySelectorAll("[data-value]")].find((part) => part.dataset.value === value);
  column.querySelector("ul").prepend(card);
  select.value = value;
  select.focus();
  for (const [part, step] of [[column, 1], [[...board.querySelectorAll("[data-value]")].find((p) => p.dataset.value === before), -1]]) {
    const count = part.querySelector("[data-count]");
    if (/^\d+$/.test(count.textContent)) count.textContent = Number(count.textContent) + step;
  }
  toast(say("saved"), { undo: mayUndo ? () => move(card, before, false) : null });
}

let dragged = null;
on("dragstart", "[data-board] [data-id]", (_, card) => (dragged = card));
on("dragover", "[data-board] [data-value]", (event) => event.preventDefault());
on("drop", "[data-board] [data-value]", (event, column) => {
  event.preventDefault();
  if (dragged) move(dragged, column.dataset.value);
  dragged = null;
});
