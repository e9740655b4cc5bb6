interface Flight<Result> {
  readonly result: Promise<Result>;
  readonly controller: AbortController;
  waiting: number;
}

/** Callers of one key at the same time share one piece of work. It is aborted when every one of them has gone. */
export function sharedFlights<Result>(): (key: string, work: (signal: AbortSignal) => Promise<Result>, signal: AbortSignal) => Promise<Result> {
  const flights = new Map<string, Flight<Result>>();

  const take = (key: string, work: (signal: AbortSignal) => Promise<Result>): Flight<Result> => {
    const present = flights.get(key);
    if (present !== undefined) return present;
    const controller = new AbortController();
    const flight: Flight<Result> = { result: work(controller.signal), controller, waiting: 0 };
    flights.set(key, flight);
    return flight;
  };

  return async (key, work, signal) => {
    signal.throwIfAborted();
    const flight = take(key, work);
    flight.waiting++;
    const gone = Promise.withResolvers<never>();
    const leave = (): void => gone.reject(signal.reason);
    signal.addEventListener("abort", leave, { once: true });
    try {
      return await Promise.race([flight.result, gone.promise]);
    } finally {
      signal.removeEventListener("abort", leave);
      if (--flight.waiting === 0) {
        if (flights.get(key) === flight) flights.delete(key);
        flight.controller.abort();
      }
    }
  };
}
