import { expect, test } from "vitest";
import { createAsideJobs } from "../../actors/aside-jobs.ts";
import { inferencePairs } from "../../actors/inference-pairs.ts";
import { HaystackError } from "../../errors.ts";
import { keptOffer } from "../../actors/steps/job-offers.ts";
import { gate, googleHarness, offersOf } from "../services/google-batch-harness.ts";
import { run, skippingClock, temporaryStore } from "../support/hosted-runs.ts";

/** Asked for before the others. */
const REFUSED = "hs-r1-i1-c-a1";

test.each([1, 12])(
  "the job of a cancelled run that is set aside is stopped where it is, whatever its record says: attempt %i",
  async (attempt) => {
    const [here, there] = offersOf("g2-standard-8").map((offer, place) => ({
      ...offer,
      region: place === 0 ? "us-central1" : "us-east4",
    }));
    const { batch, server, putInputs, events } = await googleHarness({
      offers: [here!, there!],
      notFoundGraceMs: 0,
    });
    const store = await temporaryStore();
    await store.insert(run("r1"));
    const spec = {
      job_id: `hs-r1-i1-p-a${attempt}`,
      run_id: "r1",
      iteration: 1,
      kind: "prediction",
      attempt,
      pairs: inferencePairs({ run_id: "r1", iteration: 1, kind: "prediction" }),
      manifest: "batch-io/r1/iter_1/prediction_manifest.json",
      seed: 1,
      max_run_seconds: 60,
      offer: there!,
    } as const;
    await putInputs(spec, {});
    server.scriptJobs({ hold: { SCHEDULED: gate().promise } });
    await keptOffer(store, "r1", spec.job_id, there!);
    await keptOffer(store, "r1", REFUSED, there!);
    await batch.submit(spec);
    const clock = skippingClock();
    const why = { code: "RECORD_UNREADABLE", message: "It is damaged.", at: clock.now() } as const;
    expect(await store.setAside("r1", why)).toBe(true);
    expect(await store.cancelAside("r1")).toBe(true);
    const troubles: string[] = [];
    let isRefused = true;
    const aside = createAsideJobs({
      runs: store,
      batch: {
        ...batch,
        cancel: (id, ...more) =>
          id === REFUSED && isRefused
            ? Promise.reject(new HaystackError("BATCH_REFUSED", "The role is missing."))
            : batch.cancel(id, ...more),
      },
      clock,
      onTrouble: ({ code }) => troubles.push(code),
    });
    await aside.stop();
    await events.until(spec.job_id, new Set(["CANCELLED"]));
    isRefused = false;
    const [record] = await store.setAsides(1);
    expect(await aside.stopThoseOf(record!)).toBe(true);
    expect(troubles).toEqual(["BATCH_REFUSED"]);
  },
);
