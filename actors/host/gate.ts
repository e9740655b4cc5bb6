import type { HaystackError } from "../../errors.ts";

/** Holds steps back until the state that invoked them is durable (D2). */
export interface Gate {
  /** Resolves when a commit taken after this call has been acknowledged. */
  pass(): Promise<void>;
  /** Who waits now belongs to the commit that is being taken. */
  take(): void;
  /** That commit is acknowledged. */
  open(): void;
  /** That commit has to be taken again. */
  putBack(): void;
  /** Nobody passes any more. */
  close(error: HaystackError): void;
}

export function createGate(): Gate {
  let arriving: PromiseWithResolvers<void>[] = [];
  let taken: PromiseWithResolvers<void>[] = [];
  let closed: HaystackError | undefined;
  return {
    pass() {
      if (closed !== undefined) return Promise.reject(closed);
      const waiter = Promise.withResolvers<void>();
      arriving.push(waiter);
      return waiter.promise;
    },
    take() {
      taken = arriving;
      arriving = [];
    },
    open() {
      for (const waiter of taken.splice(0)) waiter.resolve();
    },
    putBack() {
      arriving = [...taken.splice(0), ...arriving];
    },
    close(error) {
      closed = error;
      for (const waiter of [...taken.splice(0), ...arriving.splice(0)]) waiter.reject(error);
    },
  };
}
