import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import pLimit from "p-limit";
import { validateTarget } from "../cli/validation/validate-target.ts";
import { loadConfig } from "../config.ts";
import { openDaemon, type Daemon } from "../daemon.ts";
import { ownProgram } from "../own-files.ts";
import { runConfigSchema } from "../services/runs/document.ts";
import { readOptions } from "./gpu/options.ts";
import { outcomesOf } from "./gpu/choice.ts";
import { questions, type Question } from "./gpu/questions.ts";
import { summaryOf, type Answer, type Answered } from "./gpu/summary.ts";

/**
 * Minutes and dollars of GPU jobs an answer, by the ways to spread its predictions over jobs, with
 * the accuracy reached. The product answers each question here, as `haystack validate` does (the
 * asked cells and half of the controls are withheld), with delta transfer in place of the model;
 * the jobs that it asked for are then done by simulated machines. The measured data are read from
 * HAYSTACK_TEST_DATA. Ends with 1 where version 2 misses its goal against version 1.
 */

const options = readOptions();
const { seed, prompts_per_round } = options;

/** Questions in work together. */
const AT_ONCE = 2;

/**
 * The program of the baseline as a model of one's own: its predictions are found again, by the run
 * that made them alone.
 */
const MODEL = {
  INFERENCE_COMMAND: `env SEED={seed} "${process.execPath}" "${ownProgram("science/inference/delta-transfer-main.ts")}" --prompt {prompt} --query {query} --output {output}`,
  INFERENCE_MODEL: "stand-in",
};

type Outcome = Answer | { readonly why: string };

async function answer(
  daemon: Daemon,
  { set, dir, posed }: Question,
  asked: Readonly<Record<string, number>>,
): Promise<Outcome> {
  const { document, judged, reason } = await validateTarget(daemon, posed, {
    dataset: set,
    dir,
    seed,
    config: (more) =>
      runConfigSchema.parse({ score_threshold: options.score_threshold, ...asked, ...more }),
  });
  const accuracy = judged?.judgement.pearson;
  return document === null || accuracy === undefined || Number.isNaN(accuracy)
    ? { why: reason ?? "Its accuracy is not a number." }
    : { run: document, accuracy };
}

async function answerAll(daemon: Daemon, folder: string) {
  const asked = await questions(daemon, {
    data: resolve(process.env["HAYSTACK_TEST_DATA"] ?? "../shared/data"),
    folder,
    count: options.questions,
  });
  const answered: Answered[] = [];
  const left: unknown[] = [];
  await pLimit(AT_ONCE).map(asked, async (question) => {
    const single = await answer(daemon, question, { max_iterations: options.max_iterations });
    const several =
      prompts_per_round === 1 && options.rounds === options.max_iterations
        ? single
        : await answer(daemon, question, {
            max_iterations: options.rounds,
            ...(prompts_per_round === 1 ? {} : { prompts_per_round }),
          });
    const { cell_type, perturbation, donor } = question.posed.target;
    const about = {
      set: question.set,
      question: [cell_type, perturbation, donor].filter((part) => part !== null).join(" / "),
    };
    if ("why" in single || "why" in several) left.push({ ...about, single, several });
    else {
      const { dir, posed } = question;
      const withheld = { dir, target: posed.target, what: posed.what, seed };
      const prompts = await outcomesOf(daemon, several.run, withheld);
      answered.push({ ...about, single, several, prompts });
      console.error(JSON.stringify(prompts));
    }
    const told = (outcome: Outcome) => ("why" in outcome ? outcome.why : outcome.accuracy);
    console.error(about.set, about.question, told(single), told(several));
  });
  return { answered, left };
}

const folder = await mkdtemp(join(tmpdir(), "haystack-gpu-"));
try {
  const daemon = await openDaemon(loadConfig({ ...process.env, ...MODEL }, join(folder, "data")), {
    sweeps: false,
    onTrouble: (error) => console.error(error.message),
  });
  let all: Awaited<ReturnType<typeof answerAll>>;
  try {
    all = await answerAll(daemon, folder);
  } finally {
    await daemon.close();
  }
  const { answered, left } = all;
  const summary = summaryOf(answered, options);
  const passed = Object.values(summary.met).every(Boolean);
  const bySet = [...Map.groupBy(answered, ({ set }) => set)].map(
    ([set, each]) => [set, summaryOf(each, options)] as const,
  );
  const { json, ...settings } = options;
  if (json)
    console.log(
      JSON.stringify(
        {
          benchmark: "gpu",
          passed,
          options: settings,
          ...summary,
          by_set: Object.fromEntries(bySet),
          answers: answered.map(({ single, several, ...each }) => ({
            ...each,
            single: single.accuracy,
            several: several.accuracy,
          })),
          not_answered: left,
        },
        null,
        1,
      ),
    );
  else {
    console.table(summary.ways);
    console.log(summary);
  }
  process.exitCode = passed ? 0 : 1;
} finally {
  await rm(folder, { recursive: true, force: true });
}
