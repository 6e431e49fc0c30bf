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

export function showTimes() {
  const now = Date.now();
  for (const time of document.querySelectorAll("time[data-ago]")) {
    const then = new Date(time.dateTime);
    const words = ago(then, now);
    if (time.textContent !== words) time.textContent = words;
    time.title = then.toLocaleString("en", { dateStyle: "full", timeStyle: "medium" });
  }
}

showTimes();
setInterval(showTimes, EVERY_MS);
