// Editing in the cells of a list: Enter or a double click opens one, arrows go from cell to cell.
import { call, sentence } from "./api.js";
import { on } from "./dom.js";
import { edit } from "./editors.js";
import { reloadList } from "./list.js";
import { toast } from "./toast.js";
import { data } from "./words.js";

on("dblclick", "[data-cell]", (event, cell) => {
  if (!event.target.closest("a, form")) start(cell);
});
on("keydown", "[data-cell]", (event, cell) => {
  if (event.target !== cell) return;
  if (cell.dataset.opening !== undefined) {
    event.preventDefault();
    if (event.key.length === 1) cell.dataset.opening += event.key;
    return;
  }
  const steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
  if (event.key === "Enter" || event.key === "F2") {
    event.preventDefault();
    start(cell);
  } else if (steps[event.key]) {
    event.preventDefault();
    aside(cell, ...steps[event.key])?.focus();
  }
});
// One cell of the table is a stop of the Tab key: the one last visited.
on("focusin", "[data-cell]", (_, cell) => {
  for (const other of document.querySelectorAll("[data-cell][tabindex='0']")) other.tabIndex = -1;
  cell.tabIndex = 0;
});

function aside(cell, rows, columns) {
  if (rows) {
    const row = rows > 0 ? cell.parentElement.nextElementSibling : cell.parentElement.previousElementSibling;
    return row?.querySelector(`[data-cell="${CSS.escape(cell.dataset.cell)}"]`);
  }
  const all = [...cell.closest("tbody").querySelectorAll("[data-cell]")];
  return all[all.indexOf(cell) + columns];
}

const keyOf = (cell) => (cell ? [cell.parentElement.dataset.id, cell.dataset.cell] : null);
const find = ([id, name]) => document.querySelector(`tr[data-id="${CSS.escape(id)}"] [data-cell="${CSS.escape(name)}"]`);

async function start(cell) {
  const [id, column] = keyOf(cell);
  const url = `/api/v1/contacts/${id}`;
  cell.dataset.opening = ""; // what is typed meanwhile is not lost
  cell.focus();
  const now = await call("GET", url);
  const typed = cell.dataset.opening;
  delete cell.dataset.opening;
  if (!now.ok) return toast(sentence(now.data), { kind: "fault" });
  const builder = data("list-builder");
  const field = builder.fields.find((f) => f.name === column);
  const name = column === "tag" ? "tags" : column;
  const value = name.startsWith("custom.") ? now.data.custom?.[name.slice(7)] : now.data[name];
  edit({
    place: cell, name, kind: builder.editors[column], label: field.label, value, choices: field.choices, accounts: builder.accounts, url,
    version: now.data.version, neighbour: (step) => keyOf(aside(cell, 0, step)), left: () => cell.focus(),
    open: (next) => start(find(next)),
    done: async (next) => {
      await reloadList();
      const target = find(next ?? [id, column]);
      if (next && target) start(target);
      else target?.focus();
    },
  });
  const input = cell.querySelector("form input:not([type=date])");
  if (typed && input) input.value = typed;
}
