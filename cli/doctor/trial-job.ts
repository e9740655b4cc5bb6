import { randomBytes } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { TRIAL_PARTS, type TrialPart, tryJob } from "../../actors/try-job.ts";
import { clock } from "../../adapters/clock.ts";
import { openInference } from "../../adapters/inference.ts";
import { openObjects } from "../../adapters/objects.ts";
import { openTrialJobs } from "../../adapters/trial-jobs.ts";
import type { Config } from "../../config.ts";
import { HaystackError } from "../../errors.ts";
import { note } from "../output.ts";
import { advice, type Finding, ok, problem } from "./check.ts";

const LOOK_MS = 2_000;
/** The machine starts, and brings an image of some gigabytes. */
const LONGEST_MS = { job: 20 * 60_000, message: 60_000 };

const WELL: Readonly<Record<TrialPart, (config: Config) => string>> = {
  machine: ({ BATCH_SERVICE_ACCOUNT: account = "the default account", BATCH_NETWORK: network }) =>
    `a machine ran as ${account}${network === undefined ? "" : ` in ${network}`}`,
  image: ({ BATCH_IMAGE: image = "" }) => `${image} was brought and started`,
  mount: ({ GCS_BUCKET: bucket = "" }) => `the job read and wrote gs://${bucket}`,
  topic: ({ PUBSUB_TOPIC: topic = "" }) => `its messages came by ${topic}`,
};

/** What a small job that is really run says of each part. Error USAGE without Google Batch. */
export async function trialFindings(
  config: Config,
): Promise<readonly { readonly what: string; readonly finding: Finding }[]> {
  if (config.BATCH_PROJECT === undefined)
    throw new HaystackError(
      "USAGE",
      "--job tries a job on Google Batch, and GPU jobs run on this machine: set BATCH_PROJECT, or leave it out.",
    );
  await using opened = new AsyncDisposableStack();
  const objects = opened.adopt(await openObjects(config), (part) => part.close());
  const { batch, jobEvents } = await openInference(config, {
    clock,
    objects,
    onTrouble: () => undefined,
  });
  opened.defer(() => batch.close());
  opened.defer(() => jobEvents.close());
  const jobs = opened.adopt(await openTrialJobs(config), (part) => part.close());
  const jobId = `hs-doctor-${randomBytes(8).toString("hex")}`;
  const since: Record<string, number> = {};
  note(`The job ${jobId} is tried; a machine takes some minutes, and costs a few cents.`);
  const found = await tryJob(
    {
      objects,
      jobs,
      jobEvents,
      async pause(waitsFor) {
        since[waitsFor] ??= clock.elapsed();
        await pause(LOOK_MS);
        return clock.elapsed() - since[waitsFor] > LONGEST_MS[waitsFor];
      },
      onState: (state) => note(`The job: ${state}`),
    },
    jobId,
  );
  return TRIAL_PARTS.map((part) => ({
    what: `job: ${part}`,
    finding: findingOf(found[part], () => WELL[part](config)),
  }));
}

function findingOf(found: string | null | undefined, well: () => string): Finding {
  if (found === undefined) return advice("was not reached");
  return found === null ? ok(well()) : problem(found);
}
