// Files that are made for whoever asks: a button with `data-file="/api/v1/…"`, which is posted to, and `data-name`, what
// the file is called. A refusal stands in `data-file-fault` beside it, else in a toast.
import { sentence } from "./api.js";
import { on } from "./dom.js";
import { proveAgain } from "./proof.js";
import { toast } from "./toast.js";

async function fetchFile(path, again = true) {
  const answer = await fetch(path, { method: "POST", credentials: "same-origin" });
  if (answer.ok) return { file: await answer.blob() };
  const problem = await answer.json().catch(() => null);
  if (again && answer.status === 403 && problem?.type?.endsWith(":proof-required") && (await proveAgain())) {
    return fetchFile(path, false);
  }
  return { problem };
}

on("click", "[data-file]", async (_, button) => {
  button.disabled = true;
  const { file, problem } = await fetchFile(button.dataset.file).catch(() => ({ problem: null }));
  button.disabled = false;
  const fault = button.parentElement.querySelector("[data-file-fault]");
  if (fault) fault.hidden = Boolean(file);
  if (!file) {
    if (fault) fault.textContent = sentence(problem);
    else toast(sentence(problem), { kind: "fault" });
    return;
  }
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = button.dataset.name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
});
