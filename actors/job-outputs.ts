import pLimit from "p-limit";
import type { JobOffer, JobOutput } from "../services/batch/index.ts";
import type { RunRecord } from "../services/runs/index.ts";
import { jobsOf, type ShownJob, storedContext } from "./run-details.ts";

/** An attempt at an inference job, with what its program said. */
export interface LoggedJob extends Pick<
  ShownJob,
  "job_id" | "iteration" | "kind" | "attempt" | "state" | "problem"
> {
  /** Null where it is elsewhere. */
  readonly output: string | null;
  /** One sentence: where else to look, or why there is nothing. */
  readonly elsewhere: string | null;
}

const TOGETHER = 4;
const UNKNOWN = "The job is no longer known where jobs run, and neither is its output.";

/** The jobs of a run in the order in which they began; `redact` hides secrets. */
export async function outputsOf(
  record: RunRecord,
  outputOf: (jobId: string, at: JobOffer | undefined) => Promise<JobOutput | undefined>,
  redact: (text: string) => string,
): Promise<readonly LoggedJob[]> {
  const inTurn = pLimit(TOGETHER);
  const offers = new Map(
    (storedContext(record.snapshot).jobs ?? []).map(({ job_id, offer }) => [job_id, offer]),
  );
  return Promise.all(
    jobsOf(record).map(({ job_id, iteration, kind, attempt, state, problem }) =>
      inTurn(async () => {
        const found = (await outputOf(job_id, offers.get(job_id) ?? undefined)) ?? {
          elsewhere: UNKNOWN,
        };
        const told = problem === null ? null : redact(problem);
        const job = { job_id, iteration, kind, attempt, state, problem: told };
        return "text" in found
          ? { ...job, output: redact(found.text), elsewhere: null }
          : { ...job, output: null, elsewhere: found.elsewhere };
      }),
    ),
  );
}
