// A page comes from one set of plugins; after a change every process follows, in about a second or when it can.
const LONGEST = 20000; // milliseconds; then the page as it is says more than waiting on
const PAUSE = 250;

// Wait until this page would come from the set of plugins after `changes` changes.
export async function followed(changes = 1) {
  const wanted = Number(document.documentElement.dataset.epoch) + changes;
  const end = Date.now() + LONGEST;
  while (Date.now() < end) {
    const page = await fetch(location.href, { credentials: "same-origin" }).then((answer) => answer.text(), () => "");
    if (Number(/ data-epoch="(\d+)"/.exec(page)?.[1] ?? 0) >= wanted) return;
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
}
