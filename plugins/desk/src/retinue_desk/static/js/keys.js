// The master key: what its versions wrap, and a rotation with its progress.
import { call, sentence } from "./api.js";
import { el, on } from "./dom.js";
import { showFaults } from "./forms.js";
import { toast } from "./toast.js";
import { data } from "./words.js";

const place = document.querySelector("[data-keys]");
const words = data("key-words") ?? {};
const number = new Intl.NumberFormat(document.documentElement.lang);

async function show() {
  const answer = await call("GET", "/api/v1/keys");
  if (!answer.ok) {
    toast(sentence(answer.data), { kind: "fault" });
    return null;
  }
  const { source, left, versions } = answer.data;
  const state = (version) => (version.current ? ["green", words.current] : version.keys ? ["orange", words.left] : ["secondary", words.old]);
  place.querySelector("[data-key-source]").textContent = words[source];
  place.querySelector("[data-key-versions]").replaceChildren(
    ...versions.map((version) => {
      const [tone, text] = state(version);
      return el("tr", {}, el("td", {}, String(version.version)), el("td", { class: "text-end desk-number" }, number.format(version.keys)), el("td", {}, el("span", { class: `badge bg-${tone}-lt` }, text)));
    }),
  );
  const button = place.querySelector("[data-key-rotate]");
  button.hidden = source !== "file" && !left;
  if (left) button.lastChild.textContent = words.go_on;
  return answer.data;
}

async function follow(total) {
  const box = place.querySelector("[data-key-progress]");
  const bar = box.querySelector("progress");
  box.hidden = false;
  place.querySelector("[data-key-rotate]").disabled = true;
  for (;;) {
    const found = await show();
    if (!found) return;
    bar.max = total || 1;
    bar.value = total ? total - found.left : 1;
    box.querySelector("span").textContent = `${number.format(total - found.left)} / ${number.format(total)}`;
    if (!found.left) break;
    await new Promise((resolve) => setTimeout(resolve, 700));
  }
  place.querySelector("[data-key-rotate]").disabled = false;
  toast(words.rotated);
}

on("submit", "[data-rotate-keys]", async (event, form) => {
  event.preventDefault();
  const answer = await call("POST", "/api/v1/keys/rotation", {});
  if (!answer.ok) return showFaults(form, answer.data);
  form.closest("dialog").close();
  await follow(answer.data.keys);
});

show();
