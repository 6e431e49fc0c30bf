// Who asked for it is told when a job ends: by a notification, and by the title until they look. Remembered in this browser.
import { markTitle } from "./live.js";
import { gettext } from "./words.js";

const KEY = "gatehouse-tell-end";
const line = document.getElementById("tell");
const button = line.querySelector("button");
const words = line.querySelector("span");

export function isWanted() {
  try {
    return localStorage.getItem(KEY) === "yes" && Notification.permission === "granted";
  } catch {
    return false;
  }
}

function want(isOn) {
  try {
    localStorage.setItem(KEY, isOn ? "yes" : "");
  } catch {
    // a browser that keeps nothing: it is for nothing, and says so
  }
  button.setAttribute("aria-pressed", String(isWanted()));
}

button.addEventListener("click", async () => {
  const isOn = !isWanted();
  const answer = isOn ? await Notification.requestPermission() : "granted";
  want(isOn && answer === "granted");
  words.textContent = answer === "granted" ? "" : gettext("This browser allows this site no notifications.");
});

function notify(text) {
  let told;
  try {
    told = new Notification(text, { tag: location.pathname });
  } catch {
    return; // browsers of phones leave these to service workers: the title says it
  }
  told.addEventListener("click", () => {
    window.focus();
    told.close();
  });
}

// To be called when the page shows that it has ended.
export function tellEnd(task, state) {
  line.hidden = true;
  if (!isWanted() || (document.visibilityState === "visible" && document.hasFocus())) return;
  markTitle("● ");
  notify(`${task}: ${state}`);
  const look = () => {
    if (document.visibilityState !== "visible") return;
    markTitle("");
    removeEventListener("focus", look);
    document.removeEventListener("visibilitychange", look);
  };
  addEventListener("focus", look);
  document.addEventListener("visibilitychange", look);
}

export function offer() {
  if (!("Notification" in globalThis) || !globalThis.isSecureContext) return;
  button.setAttribute("aria-pressed", String(isWanted()));
  line.hidden = false;
}
