interface Flight<Result> {
  readonly result: Promise<Result>;
  readonly controller: AbortController;
  waiting: number;
}

export interface SharedFlights<Result> {
  /**
   * Callers of one key at the same time share one piece of work. It is aborted when every one of
   * them has gone.
   */
  join(
    key: string,
    work: (signal: AbortSignal) => Promise<Result>,
    signal: AbortSignal,
  ): Promise<Result>;
  /** Resolves when no work runs any more, also none that was aborted and still tidies up. */
  landed(): Promise<void>;
}

export function sharedFlights<Result>(): SharedFlights<Result> {
  const flights = new Map<string, Flight<Result>>();
  const running = new Set<Promise<unknown>>();

  const take = (key: string, work: (signal: AbortSignal) => Promise<Result>): Flight<Result> => {
    const present = flights.get(key);
    if (present !== undefined) return present;
    const controller = new AbortController();
    const result = work(controller.signal);
    const flight: Flight<Result> = { result, controller, waiting: 0 };
    flights.set(key, flight);
    const over: Promise<unknown> = result.catch(() => {}).finally(() => running.delete(over));
    running.add(over);
    return flight;
  };

  return {
    async join(key, work, signal) {
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
    },
    async landed() {
      await Promise.all(running);
    },
  };
}
