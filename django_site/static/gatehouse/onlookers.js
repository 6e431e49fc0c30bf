// Who looks on at a shared job, on its owner's page: asked for while somebody sees the page.
import { visible } from "./live.js";

const EVERY_MS = 4000;
const place = document.getElementById("looks-on");

async function look() {
  if (document.visibilityState !== "visible") return;
  let found;
  try {
    const answer = await fetch(place.dataset.onlookers, { headers: { Accept: "application/json" }, credentials: "same-origin" });
    if (!answer.ok) return;
    found = await answer.json();
  } catch {
    return; // the page itself says what is wrong
  }
  const names = found.people.map(visible).join(", ");
  const text = found.count ? `${found.count} ${found.count === 1 ? "looks" : "look"} on: ${names}${found.count > found.people.length ? " …" : ""}` : "Nobody looks on just now.";
  if (place.textContent.trim().replace(/\s+/g, " ") !== text) place.textContent = text;
}

if (place) setInterval(look, EVERY_MS);
