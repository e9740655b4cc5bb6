import type { RunEstimate } from "./estimate-run.ts";
import type { Range } from "./range.ts";

const minutesOf = (minutes: number): string =>
  minutes < 1 ? "less than 1" : String(Math.round(minutes));
const usdOf = (usd: number): string => (usd > 0 && usd < 0.01 ? "less than 0.01" : usd.toFixed(2));

/** "12 minutes (8 to 60)": the range only where it says more. */
function ranged({ low, likely, high }: Range, unit: string, text: (value: number) => string) {
  const [least, middle, most] = [low, likely, high].map(text);
  const one = `${middle} ${unit}`.replace(/\b1 minutes$/, "1 minute");
  return least === most ? one : `${one} (${least} to ${most})`;
}

const BY_ASSUMPTIONS =
  "by what is assumed of a GPU job, as no completed run tells it for the machines that are offered now";

function money({ usd, language_model }: RunEstimate): string {
  if (usd === null) return "What it costs is not known, as what predicts has no price here.";
  const unpriced =
    language_model === "not_known"
      ? " What the language model costs is not known yet, and comes on top."
      : "";
  const holds = language_model === "included" ? ", the language model included" : "";
  if (usd.high === 0)
    return language_model === "not_known"
      ? `Its predictions cost nothing.${unpriced}`
      : "It costs nothing.";
  return `It is likely to cost ${ranged(usd, "USD", usdOf)}${holds}.${unpriced}`;
}

/** For whoever is about to ask. */
export function estimateInWords(estimate: RunEstimate): string {
  const { minutes, rests_on, runs } = estimate;
  const by =
    rests_on === "measured_runs"
      ? `by ${runs === 1 ? "the one completed run" : `the last ${runs} completed runs`} of its kind`
      : BY_ASSUMPTIONS;
  const time =
    minutes === null
      ? "How long it takes is not known: no run of its kind has been completed here."
      : `It is likely to take ${ranged(minutes, "minutes", minutesOf)} once it begins, ${by}.`;
  return `${time} ${money(estimate)}`;
}
