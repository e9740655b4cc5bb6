import ora from "ora";
import type { RunDocument } from "../services/runs/document.ts";

const PHASES = {
  pending: "waiting to start",
  query_analysis: "understanding the question",
  prompt_generation: "choosing prompt cells",
  inference: "predicting",
  evaluation: "judging the prediction",
  output_generation: "writing the results",
} as const;

export interface Progress {
  show(document: RunDocument): void;
  say(text: string): void;
  end(): void;
}

/** Progress on stderr: a spinner on a terminal, a plain line for each change elsewhere. */
export function createProgress(): Progress {
  const spinner = ora({ stream: process.stderr, isEnabled: process.stderr.isTTY, discardStdin: false, isSilent: !process.stderr.isTTY });
  const said = new Map<string, string>();
  const say = (text: string): void => {
    if (!process.stderr.isTTY) process.stderr.write(`${text}\n`);
    else if (spinner.isSpinning) spinner.text = text;
    else spinner.start(text);
  };
  return {
    say,
    show(document) {
      const line = describe(document);
      if (said.get(document.run_id) === line) return;
      said.set(document.run_id, line);
      say(line);
    },
    end: () => void spinner.stop(),
  };
}

function describe({ run_id, status, current_phase, current_iteration, grounding_scores }: RunDocument): string {
  const last = grounding_scores.at(-1);
  const score = last === undefined ? "" : `, score ${last}`;
  if (status === "cancelled") return `${run_id}: ${current_phase === null ? "cancelled" : "cancelling"}`;
  if (status !== "running" || current_phase === null) return `${run_id}: ${status}${score}`;
  return `${run_id}: ${current_iteration === 0 ? "" : `iteration ${current_iteration}${score}, `}${PHASES[current_phase]}`;
}
