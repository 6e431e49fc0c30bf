// Times as people say them, renewed while the page is open; behind them the exact one, in the person's zone.
import { language } from "./words.js";

const UNITS = [["day", 86_400], ["hour", 3600], ["minute", 60], ["second", 1]];
const relative = new Intl.RelativeTimeFormat(language);
const justNow = new Intl.RelativeTimeFormat(language, { numeric: "auto" }).format(0, "second");
const EVERY_MS = 10_000;

function ago(then, now) {
  const seconds = Math.round((then - now) / 1000);
  if (Math.abs(seconds) < 5) return justNow;
  const [unit, length] = UNITS.find(([, size]) => Math.abs(seconds) >= size);
  return relative.format(Math.trunc(seconds / length), unit);
}

// Ten thousand of them take longer than a screen may stand still: some at a time.
const AT_ONCE = 300;
let turn = 0;

function showSome(times, from, now) {
  const end = Math.min(from + AT_ONCE, times.length);
  for (let at = from; at < end; at += 1) {
    const time = times[at];
    const words = ago(Date.parse(time.dateTime), now);
    if (time.textContent !== words) time.textContent = words;
  }
  return end;
}

export function showTimes(part = document) {
  for (const time of part.querySelectorAll("time[data-at]")) {
    const then = new Date(time.dateTime);
    const isToday = then.toDateString() === new Date().toDateString();
    time.textContent = then.toLocaleString(language, isToday ? { timeStyle: "short" } : { dateStyle: "medium", timeStyle: "short" });
  }
  for (const time of part.querySelectorAll("time[data-day]")) {
    time.textContent = new Date(time.dateTime).toLocaleDateString(language, { dateStyle: "medium" });
  }
  const times = part.querySelectorAll("time[data-ago]");
  if (part === document) turn += 1;
  const number = turn;
  const now = Date.now();
  const go = (from) => {
    const end = showSome(times, from, now);
    if (end < times.length && number === turn) setTimeout(go, 0, end);
  };
  go(0);
}

// The exact time, where somebody looks for it.
document.addEventListener("pointerover", ({ target }) => {
  if (target.matches?.("time[data-ago]")) target.title = new Date(target.dateTime).toLocaleString(language, { dateStyle: "full", timeStyle: "medium" });
});

showTimes();
setInterval(() => showTimes(), EVERY_MS);
