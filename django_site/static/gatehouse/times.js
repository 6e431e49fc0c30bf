// Times as people say them, renewed while the page is open; behind them the exact one, in the person's zone.
const UNITS = [["day", 86_400], ["hour", 3600], ["minute", 60], ["second", 1]];
const EVERY_MS = 10_000;

function ago(then, now) {
  const seconds = Math.round((then - now) / 1000);
  if (Math.abs(seconds) < 5) return "now";
  const [unit, length] = UNITS.find(([, size]) => Math.abs(seconds) >= size);
  const count = Math.trunc(Math.abs(seconds) / length);
  const words = `${count} ${unit}${count === 1 ? "" : "s"}`;
  return seconds < 0 ? `${words} ago` : `in ${words}`;
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

export function showTimes() {
  for (const time of document.querySelectorAll("time[data-at]")) {
    const then = new Date(time.dateTime);
    const isToday = then.toDateString() === new Date().toDateString();
    time.textContent = then.toLocaleString("en", isToday ? { timeStyle: "short" } : { dateStyle: "medium", timeStyle: "short" });
  }
  const times = document.querySelectorAll("time[data-ago]");
  const number = (turn += 1);
  const now = Date.now();
  const go = (from) => {
    const end = showSome(times, from, now);
    if (end < times.length && number === turn) setTimeout(go, 0, end);
  };
  go(0);
}

// The exact time, where somebody looks for it.
document.addEventListener("pointerover", ({ target }) => {
  if (target.matches?.("time[data-ago]")) target.title = new Date(target.dateTime).toLocaleString("en", { dateStyle: "full", timeStyle: "medium" });
});

showTimes();
setInterval(showTimes, EVERY_MS);
