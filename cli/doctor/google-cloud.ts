import { clock } from "../../adapters/clock.ts";
import { images } from "../../adapters/images.ts";
import { openInference } from "../../adapters/inference.ts";
import { openObjects } from "../../adapters/objects.ts";
import { type BatchAdapter, batchAdapter, type Config } from "../../config.ts";
import { advice, type Check, type Finding, ok } from "./check.ts";

/**
 * Batch lists and takes jobs of this account; Pub/Sub gives it their events, and keeps those that
 * it cannot take.
 */
const jobsOnGoogleBatch: Check = async (config, signal) => {
  await using opened = new AsyncDisposableStack();
  const objects = opened.adopt(await openObjects(config), (part) => part.close());
  // Trouble that may pass is not thrown here, but by the checks below.
  const { batch, jobEvents } = await openInference(config, {
    clock,
    objects,
    onTrouble: () => undefined,
  });
  opened.defer(() => batch.close());
  opened.defer(() => jobEvents.close());
  await batch.check?.(signal);
  await jobEvents.check?.();
  return ok(
    `Google Batch in project ${config.BATCH_PROJECT ?? ""}, ${config.BATCH_LOCATION}; events by the Pub/Sub subscription ${config.PUBSUB_SUBSCRIPTION ?? ""}`,
  );
};

const GPU_JOBS: Readonly<Record<BatchAdapter, Check>> = {
  local: async () => ok("on this machine"),
  google: jobsOnGoogleBatch,
};
const gpuJobs: Check = (config, signal) => GPU_JOBS[batchAdapter(config)](config, signal);

async function imageFinding(
  { BATCH_ENDPOINT }: Config,
  image: string,
  signal: AbortSignal,
): Promise<Finding> {
  const registry = images.registryOf(image);
  if (registry === undefined)
    return advice(`${image} was not checked, because it is not in Artifact Registry`);
  if (BATCH_ENDPOINT !== undefined && registry === "Google")
    return advice(`${image} was not checked, because Batch is at ${BATCH_ENDPOINT}`);
  await images.check(image, signal);
  return ok(image);
}

const workerImage: Check = async (config, signal) =>
  config.BATCH_IMAGE === undefined
    ? ok("none: jobs run on this machine")
    : imageFinding(config, config.BATCH_IMAGE, signal);

const dispatchImage: Check = async (config, signal) =>
  config.DISPATCH_IMAGE === undefined
    ? ok("none: the daemon hosts its runs")
    : imageFinding(config, config.DISPATCH_IMAGE, signal);

export const GOOGLE_CLOUD: Readonly<Record<string, Check>> = {
  "GPU jobs": gpuJobs,
  "worker image": workerImage,
  "dispatch image": dispatchImage,
};
