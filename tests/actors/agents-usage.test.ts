import { expect, test } from "vitest";
import { usageOf } from "../../actors/host/usage.ts";
import { HaystackError } from "../../errors.ts";
import { completedRun, failedRun, runningRun } from "../support/expected-runs.ts";
import { hostRuns, run, temporaryStore } from "../support/hosted-runs.ts";
import { scriptedEffects } from "../support/scripted-effects.ts";

const now = () => Date.now();

test("what every step used of the model adds up in the run's document, once for each step, failed ones too", async () => {
  const store = await temporaryStore();
  const plain = scriptedEffects({ now, scores: [4, 8] });
  const spent: unknown[] = [];
  const spentBeforeEvaluating: unknown[] = [];
  let failing = true;
  const effects = {
    ...plain,
    analyze: async (...[input, context]: Parameters<typeof plain.analyze>) => ({
      ...(await plain.analyze(input, context)),
      usage: { tokens: 1_000, usd: 0.5 },
    }),
    prompt: async (...[input, context]: Parameters<typeof plain.prompt>) => {
      spent.push(input.model_spent);
      return { ...(await plain.prompt(input, context)), usage: { tokens: 100, usd: 0.25 } };
    },
    evaluate: async (...[input, context]: Parameters<typeof plain.evaluate>) => {
      spentBeforeEvaluating.push(input.model_spent?.tokens);
      if (failing && input.iteration === 2)
        throw new HaystackError("PREDICTION_INVALID", "Not usable.", {
          details: { model_usage: { step: "evaluate.2", tokens: 10, usd: 0.125 } },
        });
      return { ...(await plain.evaluate(input, context)), usage: { tokens: 10, usd: 0.125 } };
    },
  };
  const { supervisor } = await hostRuns(store, effects, {
    usage: usageOf({ name: "m", is_baseline: true }),
  });
  const failed = supervisor.settled("r1");
  await supervisor.submit(run("r1"));
  const usage = { gpu_seconds: 0, gpu_cost_usd: 0, llm_tokens: 1_220, llm_cost_usd: 1.25 };
  expect(await failed).toStrictEqual(
    failedRun(
      runningRun(run("r1"), "evaluation", { scores: [4], changes: { usage } }),
      "PREDICTION_INVALID",
      "Not usable.",
    ),
  );
  failing = false;
  const settled = supervisor.settled("r1");
  await supervisor.deliver("r1", { id: "retry", event: { type: "retry.requested" } });
  expect(await settled).toStrictEqual(
    completedRun(run("r1"), { scores: [4, 8], changes: { usage } }),
  );
  expect(spent).toEqual([
    { tokens: 1_000, usd: 0.5 },
    { tokens: 1_110, usd: 0.875 },
  ]);
  expect(spentBeforeEvaluating).toEqual([1_100, 1_210, 1_210]);
  const snapshot = JSON.parse((await store.get("r1"))?.snapshot ?? "") as {
    context: { round: object | null; usage?: unknown };
  };
  expect(snapshot.context.usage).toBeUndefined();
});

test("a run without a model uses nothing of it", async () => {
  const store = await temporaryStore();
  const { supervisor } = await hostRuns(store, scriptedEffects({ now }), {
    usage: usageOf({ name: "m", is_baseline: true }),
  });
  const settled = supervisor.settled("r1");
  await supervisor.submit(run("r1"));
  expect(await settled).toStrictEqual(completedRun(run("r1")));
});
