import { HaystackError } from "../../errors.ts";
import type { RunCommit, RunStore } from "../../services/runs/index.ts";
import { hostRuns, run, temporaryStore } from "./hosted-runs.ts";
import { scriptedEffects } from "./scripted-effects.ts";

/** One snapshot of every state value that scripted runs go through, as a store would hold them; keyed by the state value as JSON. */
export async function recordSnapshots(): Promise<Map<string, RunCommit>> {
  const store = await temporaryStore();
  const found = new Map<string, RunCommit>();
  const recording: RunStore = {
    ...store,
    commit(commits) {
      for (const commit of commits) {
        const value = JSON.stringify((JSON.parse(commit.snapshot) as { value: unknown }).value);
        if (!found.has(value)) found.set(value, commit);
      }
      return store.commit(commits);
    },
  };
  const now = () => Date.now();
  const hosted = await hostRuns(recording, scriptedEffects({ now, scores: [4, 8] }));
  const completed = hosted.supervisor.settled("golden-completed");
  await hosted.supervisor.submit(run("golden-completed"));
  await completed;

  const failing = scriptedEffects({
    now,
    jobState: "RUNNING",
    before(effect) {
      if (effect.startsWith("checkJob:hs-golden-failed-i1-p")) throw new HaystackError("INTERNAL", "scripted");
      if (effect.startsWith("submitJob:hs-golden-failed-i1-c")) throw new HaystackError("JOB_NOT_OURS", "scripted");
    },
  });
  const second = await hostRuns(recording, failing, { owner: "second" });
  const failed = second.supervisor.settled("golden-failed");
  await second.supervisor.submit(run("golden-failed"));
  await failed;

  const cancelled = second.supervisor.settled("golden-cancelled");
  await second.supervisor.submit(run("golden-cancelled"));
  await second.committed("golden-cancelled", (_, entries) => entries.some(({ actor, to }) => actor === "controlJob" && to === "awaiting"));
  await second.supervisor.deliver("golden-cancelled", { id: "c", event: { type: "cancel.requested" } });
  await cancelled;
  return found;
}
