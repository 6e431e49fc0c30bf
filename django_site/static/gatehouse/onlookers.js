// Who looks on at a shared job, on its owner's page: asked for while somebody sees the page.
import { visible } from "./live.js";
import { fill, gettext, ngettext, number } from "./words.js";

const EVERY_MS = 4000;
const PATIENCE_MS = 30_000;
const place = document.getElementById("looks-on");

let isUnderWay = false; // a slow answer must not come after a newer one

async function look() {
  if (isUnderWay || document.visibilityState !== "visible") return;
  isUnderWay = true;
  let found;
  try {
    const headers = { Accept: "application/json" };
    const answer = await fetch(place.dataset.onlookers, { headers, credentials: "same-origin", signal: AbortSignal.timeout(PATIENCE_MS) });
    if (!answer.ok) return;
    found = await answer.json();
  } catch {
    return; // the page itself says what is wrong
  } finally {
    isUnderWay = false;
  }
  const parts = partsOf(found);
  const text = parts.map((part) => part.textContent ?? part).join("");
  if (place.textContent.trim().replace(/\s+/g, " ") !== text) place.replaceChildren(...parts);
}

function partsOf({ count, people }) {
  if (!count) return [gettext("Nobody looks on just now.")];
  const counted = fill(ngettext("%(count)s looks on:", "%(count)s look on:", count), { count: number(count) });
  const names = people.flatMap((name, index) => [index ? ", " : " ", element("bdi", visible(name))]);
  return [element("strong", counted), ...names, count > people.length ? " …" : ""];
}

function element(name, text) {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}

if (place) setInterval(look, EVERY_MS);
