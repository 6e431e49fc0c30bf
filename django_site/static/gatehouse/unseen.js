// Pages that nobody sees, but whose person wants to be told of an end at once: one of them holds a stream for all. A browser has
// six connections to a server for all its tabs, and what such a tab asks by the clock comes late: browsers slow that down.
import { STREAM_AGAIN_MS } from "./live.js";

const NAME = "gatehouse-unseen";
// Those that were told of the same end are about to stop as well: they needn't open a stream for that.
const HAND_ON_MS = 1000;

// Call ``act`` with the id of each job that moves, and with "" when it may have been any. Returns a function that ends it.
export function hearUnseen(address, act) {
  const channel = new BroadcastChannel(NAME);
  const over = new AbortController();
  const tell = (job) => {
    act(job);
    channel.postMessage(job);
  };
  channel.addEventListener("message", ({ data }) => act(data));
  const hold = () => new Promise((letGo) => {
    let source;
    let later;
    const open = () => {
      source = new EventSource(address);
      for (const kind of ["ready", "reset"]) source.addEventListener(kind, () => tell(""));
      source.addEventListener("status", ({ data }) => tell(JSON.parse(data).job));
      source.addEventListener("end", ({ data }) => JSON.parse(data).reason !== "stopping" && close());
      // What was refused is not asked again by the browser; a proxy may have refused it, or too many at once were open.
      source.addEventListener("error", () => {
        if (source.readyState === EventSource.CLOSED && !over.signal.aborted) later = setTimeout(open, STREAM_AGAIN_MS);
      });
    };
    const close = () => {
      clearTimeout(later);
      source.close();
      setTimeout(letGo, HAND_ON_MS);
    };
    open();
    over.signal.addEventListener("abort", close);
  });
  navigator.locks.request(NAME, { signal: over.signal }, hold).catch(() => {}); // ended before it was this page's turn
  return () => {
    over.abort();
    channel.close();
  };
}
