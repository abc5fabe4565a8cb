/** Concurrent calls for the same key share one piece of work. */

export interface SingleFlight<Key, Value> {
  /**
   * Joins the work under way for `key`, or starts it. A caller that aborts leaves alone, rejected with its signal's
   * reason; the work's own signal is aborted, with that reason, when the last caller has left. A later call for the
   * key then starts anew.
   */
  run(key: Key, signal: AbortSignal, start: (signal: AbortSignal) => Promise<Value>): Promise<Value>;
  /** Is work under way for `key`? */
  has(key: Key): boolean;
}

interface Flight<Value> {
  readonly controller: AbortController;
  readonly result: Promise<Value>;
  waiting: number;
}

export function createSingleFlight<Key, Value>(): SingleFlight<Key, Value> {
  const flights = new Map<Key, Flight<Value>>();

  function forget(key: Key, flight: Flight<Value>): void {
    if (flights.get(key) === flight) flights.delete(key);
  }

  function launch(key: Key, start: (signal: AbortSignal) => Promise<Value>): Flight<Value> {
    const controller = new AbortController();
    // The async wrapper turns a synchronous throw of `start` into a rejection.
    const result = (async () => start(controller.signal))();
    const flight: Flight<Value> = { controller, result, waiting: 0 };
    flights.set(key, flight);
    const done = () => forget(key, flight);
    result.then(done, done);
    return flight;
  }

  function join(key: Key, flight: Flight<Value>, signal: AbortSignal): Promise<Value> {
    flight.waiting++;
    return new Promise((resolve, reject) => {
      const leave = () => {
        reject(signal.reason);
        flight.waiting--;
        if (flight.waiting > 0) return;
        forget(key, flight);
        flight.controller.abort(signal.reason);
      };
      signal.addEventListener("abort", leave, { once: true });
      const land = () => signal.removeEventListener("abort", leave);
      flight.result.then(
        (value) => {
          land();
          resolve(value);
        },
        (error: unknown) => {
          land();
          reject(error);
        },
      );
    });
  }

  return {
    run(key, signal, start) {
      if (signal.aborted) return Promise.reject(signal.reason);
      return join(key, flights.get(key) ?? launch(key, start), signal);
    },
    has: (key) => flights.has(key),
  };
}
