// Texts of the page in the reader's language; the server puts them into a data block.
const block = document.getElementById("words");
const words = block ? JSON.parse(block.textContent) : {};

export function say(name, values = {}) {
  let text = words[name] ?? name;
  for (const [key, value] of Object.entries(values)) text = text.replace(`{${key}}`, value);
  return text;
}

export function data(id) {
  const found = document.getElementById(id);
  return found ? JSON.parse(found.textContent) : null;
}
