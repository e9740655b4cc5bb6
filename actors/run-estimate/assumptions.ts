/** What is assumed of a GPU job where nobody has measured one, and of a run. */

export interface JobAssumptions {
  /** Seconds to start the machine and to fetch its image. */
  readonly start: number;
  /** Seconds to install the drivers. */
  readonly drivers: number;
  /** Seconds to load the model. */
  readonly load: number;
  /** Seconds to predict one pair of prompt and query. */
  readonly prediction: number;
  /** Preemptions in an hour of a Spot machine. */
  readonly preemptions_an_hour: number;
}

export const ASSUMED_JOB: JobAssumptions = {
  start: 360,
  drivers: 120,
  load: 60,
  prediction: 30,
  preemptions_an_hour: 0.1,
};

/** Seconds of a job from its machine to its output, where it is not interrupted. */
export const jobSeconds = (
  { start, drivers, load, prediction }: JobAssumptions,
  pairs: number,
): number => start + drivers + load + pairs * prediction;

/**
 * Seconds of machines that a job takes with all that preemption makes it begin anew, where its
 * attempts end at random at `perHour` and each begins from the start: (e^(rate t) - 1) / rate.
 */
export const withPreemptions = (seconds: number, perHour: number): number =>
  perHour === 0 ? seconds : (Math.expm1((perHour * seconds) / 3_600) / perHour) * 3_600;

/** Seconds of choosing cells, judging and waiting for news, an iteration. */
export const ASSUMED_BETWEEN = 60;
/** What a run takes of its iterations, where it may have more. */
export const ASSUMED_ITERATIONS = 2;
/** Least and most in parts of what is assumed or of a middle value of few. */
export const ASSUMED_SPREAD = { low: 2 / 3, high: 5 / 3 } as const;
