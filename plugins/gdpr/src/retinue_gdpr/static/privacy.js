// What the pages of privacy need beyond forms: the copy of a person's data as a file, and boxes that make up a list.
import { sentence } from "../desk/js/api.js";
import { on } from "../desk/js/dom.js";
import { proveAgain } from "../desk/js/proof.js";

async function fetchCopy(path, again = true) {
  const answer = await fetch(path, { method: "POST", credentials: "same-origin" });
  if (answer.ok) return { file: await answer.blob() };
  const problem = await answer.json().catch(() => null);
  if (again && answer.status === 403 && problem?.type?.endsWith(":proof-required") && (await proveAgain())) {
    return fetchCopy(path, false);
  }
  return { problem };
}

on("click", "[data-copy]", async (_, button) => {
  button.disabled = true;
  const { file, problem } = await fetchCopy(button.dataset.copy).catch(() => ({ problem: null }));
  button.disabled = false;
  const fault = button.parentElement.querySelector("[data-copy-fault]");
  fault.hidden = Boolean(file);
  if (!file) {
    fault.textContent = sentence(problem);
    return;
  }
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = button.dataset.name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
});

// Ticked boxes of a group make up the list that the form sends.
on("change", "[data-gather] input[type=checkbox]", (_, box) => {
  const group = box.closest("[data-gather]");
  const ticked = [...group.querySelectorAll("input[type=checkbox]:checked")].map((each) => each.value);
  group.querySelector("input[type=hidden]").value = ticked.join(",");
});
