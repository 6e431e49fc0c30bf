// Who asked for it is told when a job ends: by a notification, and by the title until they look. Remembered in this browser.
import { gettext } from "./words.js";

const KEY = "gatehouse-tell-end";
const line = document.getElementById("tell");
const button = line.querySelector("button");
const words = line.querySelector("span");

function isWanted() {
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

// To be called when the page shows that it has ended.
export function tellEnd(task, state) {
  line.hidden = true;
  if (!isWanted() || (document.visibilityState === "visible" && document.hasFocus())) return;
  const title = document.title;
  document.title = `● ${title}`;
  const told = new Notification(`${task}: ${state}`, { tag: location.pathname });
  told.addEventListener("click", () => {
    window.focus();
    told.close();
  });
  const look = () => {
    if (document.visibilityState !== "visible") return;
    if (document.title === `● ${title}`) document.title = title;
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
