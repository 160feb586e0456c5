// The first page: which cards stand on it and in which order, for oneself alone.
import { call, sentence } from "./api.js";
import { on } from "./dom.js";
import { orderLine } from "./list.js";
import { toast } from "./toast.js";
import { data } from "./words.js";

on("desk:open", "#arrange-home", (_, dialog) => {
  const list = dialog.querySelector("[data-cards]");
  list.replaceChildren(...data("home-cards").map((card) => orderLine(card, card.shown, list)));
});

on("submit", "form[data-arrange-home]", async (event, form) => {
  event.preventDefault();
  const boxes = [...form.querySelectorAll("input[type=checkbox]")];
  const kept = { order: boxes.map((box) => box.value), hidden: boxes.filter((box) => !box.checked).map((box) => box.value) };
  const answer = await call("PATCH", "/api/v1/me", { preferences: { "desk.home": kept } });
  if (answer.ok) location.reload();
  else toast(sentence(answer.data), { kind: "fault" });
});
