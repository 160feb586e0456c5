// What the pages of privacy need beyond forms: boxes that make up a list, and the copy of a person's data as a file.
import { on } from "../desk/js/dom.js";
import "../desk/js/files.js";

// Ticked boxes of a group make up the list that the form sends.
on("change", "[data-gather] input[type=checkbox]", (_, box) => {
  const group = box.closest("[data-gather]");
  const ticked = [...group.querySelectorAll("input[type=checkbox]:checked")].map((each) => each.value);
  group.querySelector("input[type=hidden]").value = ticked.join(",");
});
