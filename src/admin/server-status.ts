/** The counts of connections in `/status`, by Kong's names, for whoever watches a gateway by them. */
import type { Traffic } from "../http/listener.ts";

/** Of one process, or of all workers added up. `running`: exchanges under way. */
export function serverStatus({ accepted, open, requests }: Traffic, running: number) {
  const writing = Math.min(running, open);
  return {
    total_requests: requests,
    connections_accepted: accepted,
    connections_handled: accepted,
    connections_active: open,
    // A request's head is read in one turn, so that nobody can look while it is.
    connections_reading: 0,
    connections_writing: writing,
    connections_waiting: open - writing,
  };
}
