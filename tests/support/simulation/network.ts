import { HaystackError } from "../../../errors.ts";
import type { Clock } from "../../../services/clock/index.ts";
import type { DaemonProcess } from "./daemon-process.ts";
import type { Random } from "./random.ts";
import type { Service, Witness } from "./witness.ts";

/**
 * The way from a process to a service: slow, sometimes lost on the way there (nothing happened) or
 * back (it happened).
 */
export interface Network {
  /** An aborted call is given up at once; its request may still arrive. */
  call<Result>(work: () => Result | Promise<Result>, signal?: AbortSignal): Promise<Result>;
}

export interface NetworkFaults {
  /** No fault begins after this time. */
  readonly until: number;
  readonly lostRequests: number;
  readonly lostAnswers: number;
  /** Share of calls that take up to `slowMs`. */
  readonly slow: number;
  readonly slowMs: number;
  readonly outages: readonly { readonly from: number; readonly to: number }[];
}

/**
 * A request is on its way for no longer than this; the service acts on it even when its sender is
 * dead by then.
 */
const LONGEST_REQUEST_MS = 5_000;

export interface NetworkPlace {
  readonly service: Service;
  readonly process: DaemonProcess;
  readonly clock: Clock;
  readonly random: Random;
  readonly faults: NetworkFaults;
  readonly witness: Pick<Witness, "fault">;
}

export function network(
  { service, process, clock: world, random, faults, witness }: NetworkPlace,
  unavailable: () => HaystackError,
): Network {
  const delay = (): number =>
    world.now() < faults.until && random.chance(faults.slow)
      ? random.between(10, faults.slowMs)
      : random.between(1, 4);
  const isOut = (): boolean =>
    faults.outages.some(({ from, to }) => world.now() >= from && world.now() < to);
  return {
    call<Result>(work: () => Result | Promise<Result>, signal?: AbortSignal): Promise<Result> {
      if (!process.alive) return new Promise(() => undefined);
      const faulty = world.now() < faults.until;
      const away = faulty && isOut();
      const lostRequest = away || (faulty && random.chance(faults.lostRequests));
      const lostAnswer = faulty && random.chance(faults.lostAnswers);
      const there =
        faulty && random.chance(faults.slow) ? random.between(1, LONGEST_REQUEST_MS) : 0;
      const back = delay();
      if (away) witness.fault(`away: ${service}`);
      else if (lostRequest) witness.fault(`request lost: ${service}`);
      if (lostAnswer && !lostRequest) witness.fault(`answer lost: ${service}`);
      if (there > 0 || back > 4) witness.fault(`slow: ${service}`);
      const { promise, resolve, reject } = Promise.withResolvers<Result>();
      const act = async (): Promise<void> => {
        try {
          const result = await work();
          process.later(back, () => (lostAnswer ? reject(unavailable()) : resolve(result)));
        } catch (error) {
          process.later(back, () => reject(error));
        }
      };
      signal?.addEventListener(
        "abort",
        () => reject(new HaystackError("STEP_ABORTED", "The call was given up.")),
        { once: true },
      );
      if (lostRequest) process.later(there + back, () => reject(unavailable()));
      else if (there === 0) void act();
      else world.at(world.now() + there, () => void act());
      return promise;
    },
  };
}
