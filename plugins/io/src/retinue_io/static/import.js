// Uploading, mapping, checking and following an import; all of it through the API.
import { call, sentence } from "../desk/js/api.js";
import { on } from "../desk/js/dom.js";

function fail(form, problem) {
  const place = form.querySelector("[data-fault]");
  place.hidden = false;
  place.textContent = sentence(problem);
  place.scrollIntoView({ block: "nearest" });
}

on("submit", "form[data-upload]", async (event, form) => {
  event.preventDefault();
  const body = new FormData();
  const file = form.elements.data.files[0];
  if (!file) return form.elements.data.focus();
  body.append("data", file);
  const button = form.querySelector("[type=submit]");
  button.disabled = true;
  const answer = await call("POST", `/api/v1/imports?what=${form.elements.what.value}`, body);
  button.disabled = false;
  if (answer.ok) location.assign(`/imports/${answer.data.id}`);
  else fail(form, answer.data);
});

const shown = () => JSON.parse(document.getElementById("import-mapping").textContent);

function mappingOf(form, mapping = shown()) {
  const taken = {};
  for (const select of form.querySelectorAll("[data-column]")) {
    const column = mapping.columns[Number(select.dataset.column)];
    const [target, part] = select.value.split("|");
    const same = (column.target ?? "") === (target ?? "") && (column.part ?? "") === (part ?? "");
    if (!same) Object.assign(column, { target: target ?? "", part: part ?? "", index: taken[`${target}|${part}`] ?? 0 });
    const key = `${column.target}|${column.part ?? ""}`;
    taken[key] = Math.max(taken[key] ?? 0, (column.index ?? 0) + 1);
  }
  return mapping;
}

// What was chosen stays with its column, though the headings read otherwise now; where nothing was, the proposal stands.
function keptOf(form, proposed) {
  const before = shown().columns;
  const chosen = mappingOf(form).columns;
  if (proposed.columns.length !== chosen.length) return proposed;
  const columns = proposed.columns.map((column, place) => {
    const { target = "", part = "", index = 0 } = chosen[place];
    return target || before[place].target ? { ...column, target, part, index } : column;
  });
  return { ...proposed, columns };
}

function wishOf(form) {
  const { mode, key, on_fault: onFault, create_fields: fields } = form.elements;
  const wish = { mapping: mappingOf(form), mode: mode.value, on_fault: onFault.value, create_fields: fields.checked };
  return mode.value === "create" ? wish : { ...wish, key: key.value };
}

function rowsOf(form) {
  const { contact_by: by, system, decimal } = form.elements;
  const fixed = {};
  for (const input of form.querySelectorAll("[data-fixed]")) if (input.value.trim()) fixed[input.dataset.fixed] = input.value.trim();
  const mapping = { ...mappingOf(form), fixed };
  if (by) mapping.contact_by = by.value;
  if (decimal.value) mapping.decimal = decimal.value;
  return { mapping, mode: "create", ...(system ? { system: system.value } : {}) };
}

// Another way to read the letters: the columns are proposed anew, and the first values show whether it was right.
on("change", "form[data-encodings]", async (_, form) => {
  const path = `/api/v1/imports/${form.dataset.encodings}/mapping`;
  const choices = document.querySelector("form[data-import]");
  const read = await call("PUT", path, { reading: { encoding: form.elements.encoding.value } });
  if (!read.ok) return fail(form, read.data);
  const wish = choices.elements.mode ? wishOf(choices) : rowsOf(choices);
  const kept = { ...wish.mapping, ...keptOf(choices, read.data.mapping) };
  const answer = await call("PUT", path, { ...wish, create_fields: false, mapping: kept });
  if (answer.ok) location.reload();
  else fail(form, answer.data);
});

on("submit", "form[data-import]", async (event, form) => {
  event.preventDefault();
  const path = `/api/v1/imports/${form.dataset.import}`;
  const body = form.elements.mode ? wishOf(form) : rowsOf(form);
  const button = form.querySelector("[type=submit]");
  button.disabled = true;
  const mapped = await call("PUT", `${path}/mapping`, body);
  const checked = mapped.ok ? await call("POST", `${path}/check`) : mapped;
  button.disabled = false;
  if (!checked.ok) return fail(form, checked.data);
  await waitFor(path, (one) => one.check !== null);
  location.reload();
});

// What is taken instead of values that do not fit, then the check anew: it counts what the corrected file would do.
on("submit", "form[data-values]", async (event, form) => {
  event.preventDefault();
  const path = `/api/v1/imports/${form.dataset.values}`;
  const values = [...form.querySelectorAll("[data-text]")].map((row) => {
    const { of: column, text: value } = row.dataset;
    const instead = row.querySelector("[data-instead]").value.trim();
    return { column, value, instead: row.querySelector("[data-without]").checked ? "" : instead || null };
  });
  const button = form.querySelector("[type=submit]");
  button.disabled = true;
  const kept = await call("PUT", `${path}/values`, { values });
  const checked = kept.ok ? await call("POST", `${path}/check`) : kept;
  button.disabled = false;
  if (!checked.ok) return fail(form, checked.data);
  await waitFor(path, (one) => one.check !== null);
  location.reload();
});

async function waitFor(path, done) {
  for (let turn = 0; turn < 3600; turn += 1) {
    const answer = await call("GET", path);
    if (!answer.ok || done(answer.data)) return answer.data;
    await new Promise((resolve) => setTimeout(resolve, 800));
  }
  return null;
}

const running = document.querySelector("[data-running]");
if (running) {
  const path = `/api/v1/imports/${running.dataset.running}`;
  waitFor(path, (one) => {
    const meter = running.querySelector("progress");
    if (meter && one.total) meter.value = one.rows_read;
    for (const number of running.querySelectorAll("[data-number]")) number.textContent = one.counts[number.dataset.number] ?? 0;
    return !["pending", "running"].includes(one.status);
  }).then(() => location.reload());
}
if (document.querySelector("[data-waiting]")) setTimeout(() => location.reload(), 2000);
