// Send a form without leaving the page, and say what became of it.
import { unwarn, warn } from "./live.js";
import { gettext } from "./words.js";

const PATIENCE_MS = 30_000;
const NOTE = "undone";

// A form leads back to the page that it is on, or to that of what it is about; from anywhere else nothing was done.
function isTurnedAway({ redirected, url }, address) {
  if (!redirected) return false;
  const place = new URL(url).pathname;
  return place !== location.pathname && !new URL(address, location.href).pathname.startsWith(place);
}

function whyNot(page) {
  const words = [...page.querySelectorAll("#main h1, #main h1 + p")].map((each) => each.textContent.trim());
  return [gettext("This was not done."), ...words].join(" ");
}

// Send it once: where no answer comes it may have been done, and done twice it is something else. Returns the page that answers it;
// null when it was not done, or nobody knows, which the page says until the next form is sent.
export async function send(address, body) {
  unwarn(NOTE);
  let answer;
  let html;
  try {
    answer = await fetch(address, { method: "POST", body, headers: { Accept: "text/html" }, credentials: "same-origin", signal: AbortSignal.timeout(PATIENCE_MS) });
    html = await answer.text();
  } catch {
    answer = null;
  }
  if (!answer || answer.status >= 500) {
    warn(gettext("No answer came: this may have been done, or not. Look before you try it again."), { id: NOTE });
    return null;
  }
  if (isTurnedAway(answer, address)) {
    warn(gettext("You were logged out."), { link: gettext("Log in again"), address: answer.url });
    return null;
  }
  const page = new DOMParser().parseFromString(html, "text/html");
  if (!answer.ok) {
    warn(whyNot(page), { id: NOTE });
    return null;
  }
  const warning = page.querySelector("#main > .note.warning");
  if (warning) warn(warning.textContent.trim(), { id: NOTE });
  return page;
}
