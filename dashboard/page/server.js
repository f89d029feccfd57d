/** What the server is asked, and what it tells by itself. */

/** The JSON behind an address; an answer that is none is an error in the server's words. */
async function get(address) {
  const answer = await fetch(address);
  const json = await answer.json();
  if (!answer.ok) throw new Error(json.error);
  return json;
}

const about = (site, date, cameras) =>
  new URLSearchParams([["site", site], ["date", date], ...(cameras ?? []).map(c => ["camera", c])]);

export const sites = () => get("/api/sites");
export const day = (site, date, cameras) => get(`/api/day?${about(site, date, cameras)}`);
export const week = (site, date, cameras) => get(`/api/week?${about(site, date, cameras)}`);
export const csvAddress = (site, date, cameras) => `/api/day.csv?${about(site, date, cameras)}`;

/** Milliseconds until the next try after an answer that was no stream, as a proxy gives while the server is away. */
const RETRY = 5000;

/**
 * Calls back with each message. The browser connects again by itself when the network fails. A page that is not seen
 * lets go of its connection, of which a browser has only six for one server.
 */
export function listen({ records, live, opened, lost }) {
  let events = null;
  let retry = null;
  const open = () => {
    events = new EventSource("/api/events");
    events.addEventListener("open", opened);
    events.addEventListener("error", () => {
      lost();
      if (events.readyState === EventSource.CLOSED) retry = setTimeout(open, RETRY);
    });
    events.addEventListener("records", event => records(JSON.parse(event.data)));
    events.addEventListener("live", event => live(JSON.parse(event.data)));
  };
  document.addEventListener("visibilitychange", () => {
    events?.close();
    clearTimeout(retry);
    if (!document.hidden) open();
  });
  if (!document.hidden) open();
}
