// Small helpers: elements without innerHTML, so that no value can become markup.
const SPRITE = new URL("../vendor/icons.svg", import.meta.url).pathname;

export function el(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (key === "class") made.className = value;
    else if (key in made && typeof value !== "string") made[key] = value;
    else made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

// Words to look for, whatever their accents and case: İ, I, ı and i are one letter, in every language of the page.
export function fold(text) {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase().replaceAll("ı", "i");
}

export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `${SPRITE}#${name || "point"}`);
  svg.append(use);
  return svg;
}

export function on(event, selector, handle, options) {
  document.addEventListener(
    event,
    (happened) => {
      const found = happened.target instanceof Element ? happened.target.closest(selector) : null;
      if (found) handle(happened, found);
    },
    options,
  );
}

export function isTyping(target) {
  return target instanceof Element && target.closest("input, textarea, select, [contenteditable]") !== null;
}
