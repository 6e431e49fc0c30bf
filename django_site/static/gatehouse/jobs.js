// The list of jobs, live; a row's Cancel works without leaving the page.
import { follow, refresh, renew, say, sparingly, visible } from "./live.js";
import { morph } from "./morph.js";
import { fill, gettext, number } from "./words.js";

const LEFT_EVERY_MS = 10_000;
const list = document.querySelector("[data-events]");

// A list that was scrolled has its newest page in data-live, and older ones below: what new jobs push off the first goes
// there, and an older one is asked for again when one of its jobs moves.
async function update() {
  const before = new Map([...list.querySelectorAll(".job-row")].map((row) => [row.id, row.cloneNode(true)]));
  if (!(await refresh()) || !document.getElementById("older")?.childElementCount) return;
  const rows = [...list.querySelectorAll(".job-row")];
  const last = rows.at(-1)?.id ?? "";
  keepBelow([...before].filter(([id]) => id < last && !document.getElementById(id)).map(([, row]) => row));
}
const soon = sparingly(update);

function keepBelow(rows) {
  if (!rows.length) return;
  const older = document.getElementById("older");
  let pushed = document.getElementById("pushed");
  if (!pushed) {
    pushed = document.createElement("ul");
    pushed.id = "pushed";
    pushed.className = "jobs ticked page-of-jobs";
    older.prepend(pushed);
  }
  pushed.prepend(...rows);
}

// The rows of an older page, of a newer document of it: where some of them are gone, the first ones of the next page have moved up,
// and are shown there.
export function rowsOf(fresh, part) {
  const rows = fresh.querySelector("#live-jobs .jobs");
  const last = part.dataset.next && new URL(part.dataset.next).searchParams.get("cursor");
  if (rows && last) for (const row of [...rows.children]) if (row.dataset.job < last) row.remove();
  return rows;
}

const stale = new Set();
const renewStale = sparingly(async () => {
  for (const part of [...stale]) {
    stale.delete(part);
    const fresh = await renew(part.dataset.address, { background: "1" });
    const now = fresh && rowsOf(fresh, part);
    const old = part.querySelector(".jobs");
    if (now && old) morph(old, document.importNode(now, true));
  }
});

function changed({ job }) {
  const part = document.getElementById(`row-${job}`)?.closest(".page-of-jobs[data-address]");
  if (!part) return soon();
  stale.add(part);
  return renewStale();
}

function showProgress({ job, progress }) {
  const row = document.getElementById(`row-${job}`);
  if (!row || !progress) return;
  const bar = row.querySelector("progress[value]");
  if (!bar || !progress.total) {
    soon();
    return;
  }
  bar.max = progress.total;
  bar.value = progress.done;
  const count = fill(gettext("%(done)s of %(total)s"), { done: number(progress.done), total: number(progress.total) });
  row.querySelector(".progress-words").textContent = progress.message ? `${count} · ${visible(progress.message).slice(0, 200)}` : count;
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.closest(".job-row")) return;
  event.preventDefault();
  const button = form.querySelector("button");
  button.disabled = true;
  try {
    const answer = await fetch(form.action, { method: "POST", body: new FormData(form), credentials: "same-origin" });
    if (!answer.ok) throw new Error(String(answer.status));
    const words = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("#main > .note");
    say(words?.textContent.trim() || form.dataset.said);
    changed({ job: form.closest(".job-row").dataset.job });
  } catch {
    form.submit(); // as without scripts: the page says what is wrong
  }
});

if (list) {
  follow(
    list.dataset.events,
    { ready: soon, reset: soon, status: changed, batch: soon, deleted: changed, cancel_requested: changed, report: showProgress },
    soon,
  );
}

// How long something will still take changes without an event.
setInterval(() => document.visibilityState === "visible" && list?.querySelector("progress") && soon(), LEFT_EVERY_MS);
