// What pages that show running work share: the page is asked for again when something has happened, and its parts with
// data-live are brought up to date. The server writes all HTML, so what other people wrote is escaped in one place.
import { morph } from "./morph.js";
import { showTimes } from "./times.js";
import { gettext } from "./words.js";

const SOON_MS = 150;
const AT_MOST_EVERY_MS = 1000;
const POLL_MS = 3000;
export const STREAM_AGAIN_MS = 30_000;
const PATIENCE_MS = 30_000;
const LEFT_MS = 10_000;
const HIDDEN_POLL_MS = 15_000;
const AGAIN_MS = 2_000;
const AGAIN_AT_MOST_MS = 30_000;
const STEP_MS = 500;

// Signs that act on a screen, or hide: the same as in django_site/work/shown.py.
const HIDDEN = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2064\u2066-\u2069\ufeff\ufff9-\ufffb]|\p{Surrogate}/gu;

export function visible(text) {
  return String(text).replace(HIDDEN, (sign) => (sign === "\x1b" ? "⟨ESC⟩" : `⟨U+${sign.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}⟩`));
}

export function say(text) {
  const place = document.getElementById("told");
  if (place) place.textContent = text;
}

// A word about the page itself, above it; it leads to where things can be put right. A newer one takes its place, unless it says the
// same. What is told with an id of its own stays until its teller takes it away; "trouble" is gone as soon as a page has come.
export function warn(text, { link, address, id = "trouble" } = {}) {
  const note = document.createElement("p");
  note.id = id;
  note.className = "note warning";
  note.setAttribute("role", "alert");
  note.append(`${text} `);
  if (link) {
    const way = document.createElement("a");
    way.href = address;
    way.textContent = link;
    note.append(way);
  }
  const old = document.getElementById(id);
  if (old?.isEqualNode(note)) return; // else it would be read out again
  if (old) old.replaceWith(note);
  else document.getElementById("main").prepend(note);
}

// What stands before the title, whatever page is shown, until it is "" again.
let mark = "";
export function markTitle(sign) {
  document.title = sign + document.title.slice(mark.length);
  mark = sign;
}

export function unwarn(id) {
  document.getElementById(id)?.remove();
}

export function show(html) {
  const fresh = new DOMParser().parseFromString(html, "text/html");
  for (const part of document.querySelectorAll("[data-live]")) {
    const now = fresh.getElementById(part.id);
    if (now) morph(part, now);
  }
  document.title = mark + fresh.title;
  showTimes();
  return fresh;
}

// What is shown may be older than what was shown before, of one job or of the page: its script asks again.
export const tellBehind = (job = "") => document.dispatchEvent(new CustomEvent("behind", { detail: { job } }));

// Also what could not be had just now: nothing else may happen that has it asked for again.
let behind = null;
function tellBehindSoon() {
  behind ??= setTimeout(() => {
    behind = null;
    tellBehind();
  }, document.visibilityState === "visible" ? POLL_MS : HIDDEN_POLL_MS);
}

// Questions are counted: an answer that comes late is older than what is shown.
let asked = 0;
let shown = 0;
let refusals = 0;

// Ask for this page again, or for another view of it, and show what is new. Returns the newer document; null when it can't be had just
// now, or is no longer wanted.
export async function refresh(address = null, { background = "1", isWanted = () => true } = {}) {
  for (;;) {
    const number = (asked += 1);
    const here = location.href;
    const { html, isRefused } = await load(address ?? here, background);
    if (isRefused) refusals += 1;
    else if (html === null) tellBehindSoon();
    if (html === null || !isWanted()) return null;
    const isLate = number < shown;
    // Another view of this page may have been chosen meanwhile.
    if (address === null && (isLate || here !== location.href)) continue;
    shown = Math.max(shown, number);
    if (isLate) tellBehind(); // a view that was chosen is shown: it might be overtaken each time
    return show(html);
  }
}

// Until what somebody chose is shown, or refused.
export const warnUnshown = () => warn(gettext("What you chose is not shown yet. It comes as soon as the service answers."), { id: "unshown" });

// The same for what somebody chose: while the service is away it is asked for again, until it is shown, refused, or no longer wanted.
// The page says for so long that it shows something else.
async function insist(address, background, isWanted) {
  let wait = AGAIN_MS;
  for (let header = background; ; header = "1") { // by the clock, so nobody need be there
    const before = refusals;
    const fresh = await refresh(address, { background: header, isWanted });
    if (!isWanted()) return null;
    if (fresh || refusals > before) {
      unwarn("unshown");
      return fresh;
    }
    warnUnshown();
    for (let waited = 0; waited < wait && isWanted(); waited += STEP_MS) await new Promise((goOn) => setTimeout(goOn, STEP_MS));
    if (!isWanted()) return null;
    wait = Math.min(2 * wait, AGAIN_AT_MOST_MS);
  }
}

// Show another view of this page. The one that was chosen last counts, whichever comes first; ``isWanted`` may give it up. Returns its
// document; null when it was refused, or given up.
let chosen = 0;
export function choose(address, { background = "1", isWanted = () => true } = {}) {
  const number = (chosen += 1);
  return insist(address, background, () => number === chosen && isWanted());
}

// Ask for a page of this site, and return its document without showing it; null when it can't be had just now. Where it is of no use
// to ask again, as it is gone or they may not see it, ``whenRefused`` is called first.
export async function renew(address, { background = null, whenRefused = () => {} } = {}) {
  const { html, isRefused } = await load(address, background);
  if (isRefused) whenRefused();
  return html === null ? null : new DOMParser().parseFromString(html, "text/html");
}

// Let the browser do what else there is: a long piece of work is done in several.
export const pause = () => new Promise((goOn) => setTimeout(goOn));

const AWAY = { html: null, isRefused: false };
const REFUSED = { html: null, isRefused: true };

async function load(address, background) {
  let answer;
  let html;
  try {
    // While the person does nothing, the header keeps this from renewing their session.
    const headers = background === null ? { Accept: "text/html" } : { Accept: "text/html", "X-Gatehouse-Background": background };
    answer = await fetch(address, { headers, credentials: "same-origin", signal: AbortSignal.timeout(PATIENCE_MS) });
    html = await answer.text(); // what stands still half-way is away, too
  } catch {
    warn(gettext("The service can't be reached. This page goes on by itself as soon as it can."));
    return AWAY;
  }
  if (answer.redirected && new URL(answer.url).pathname !== new URL(address, location.href).pathname) {
    warn(gettext("You were logged out."), { link: gettext("Log in again"), address: answer.url });
    return REFUSED;
  }
  if (answer.status === 404 || answer.status === 410) {
    warn(gettext("This is gone: it was deleted, or its time was over."));
    return REFUSED;
  }
  if (answer.status === 403) {
    warn(gettext("You may not see this any more."));
    return REFUSED;
  }
  if (!answer.ok) {
    warn(gettext("The service is away for a moment. This page goes on by itself as soon as it can."));
    return AWAY;
  }
  unwarn("trouble");
  return { html, isRefused: false };
}

// A function that refreshes soon, however often it is called: never twice within a second, and one at a time. What is called for while
// a slow answer is on its way comes after it.
export function sparingly(act) {
  let timer = null;
  let last = 0;
  let isUnderWay = false;
  let isDue = false;

  function soon() {
    isDue = true;
    if (isUnderWay) return;
    timer ??= setTimeout(turn, Math.max(SOON_MS, last + AT_MOST_EVERY_MS - Date.now()));
  }

  async function turn() {
    last = Date.now();
    timer = null;
    isDue = false;
    isUnderWay = true;
    try {
      await act();
    } finally {
      isUnderWay = false;
      if (isDue) soon();
    }
  }

  return soon;
}

// Follow a stream of events; where there is no place for one, poll. ``kinds`` are functions by the event's name,
// ``poll`` is called instead. Returns a function that ends it: when the page shows the end. Until then it is polled for, also after the
// stream's end, as the question that was asked then may have failed; unless this page is refused.
// A page that nobody sees polls, rarely: over HTTP/1.1 a browser has six connections to a server for all its tabs, and each stream
// takes one. The seventh tab would get nothing at all.
export function follow(address, kinds, poll) {
  let source = null;
  let timer = null; // of polling
  let later = null; // when it is tried again, or when a page that was left gives up its stream
  let hasEnded = false; // the stream: nothing more comes by it
  let isOver = false;

  function close() {
    source?.close();
    source = null;
    clearInterval(timer);
    clearTimeout(later);
    timer = null;
  }

  function stop() {
    isOver = true;
    close();
  }

  function open() {
    const opened = new EventSource(address);
    source = opened;
    for (const [kind, act] of Object.entries(kinds)) {
      opened.addEventListener(kind, (event) => act(JSON.parse(event.data)));
    }
    opened.addEventListener("ready", () => {
      clearInterval(timer);
      timer = null;
    });
    opened.addEventListener("end", (event) => {
      const { reason } = JSON.parse(event.data);
      if (reason === "stopping") return; // comes back by itself
      hasEnded = true;
      close();
      const before = refusals;
      timer = setInterval(() => (refusals > before ? stop() : poll()), POLL_MS);
      poll(); // finds out, and says, what is wrong
    });
    opened.addEventListener("error", () => {
      if (opened.readyState !== EventSource.CLOSED || opened !== source) return;
      timer ??= setInterval(poll, POLL_MS);
      later = setTimeout(open, STREAM_AGAIN_MS);
    });
  }

  function leave() {
    close();
    timer = setInterval(poll, HIDDEN_POLL_MS);
  }

  function look() {
    if (isOver || hasEnded) return;
    clearTimeout(later);
    const isSeen = document.visibilityState === "visible";
    if (isSeen && source?.readyState !== EventSource.OPEN) {
      close();
      open(); // its first event has the page brought up to date
    } else if (isSeen) return;
    else if (source) later = setTimeout(leave, LEFT_MS);
    else leave();
  }

  look();
  document.addEventListener("visibilitychange", look);
  addEventListener("pagehide", stop);
  addEventListener("pageshow", (event) => event.persisted && location.reload());
  return stop;
}

// Show it in place of this one, also in the address.
export async function swap(address, wish) {
  if (await choose(address, wish)) history.replaceState(null, "", address);
}

// Links that only change what is shown of a result.
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-swap]");
  if (!link || event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
  event.preventDefault();
  swap(link.href);
});
