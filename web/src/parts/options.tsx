import type { JSX } from "preact";
import type { Run } from "../api/client.ts";
import type { CheckBody } from "../checks.ts";

type Config = NonNullable<NonNullable<CheckBody>["config"]>;

/** What the user sets; an empty field leaves it to the daemon. */
export interface Wishes {
  readonly name: string;
  readonly label: string;
  readonly max_iterations: string;
  readonly score_threshold: string;
  readonly control_strategy: "" | NonNullable<Config["control_strategy"]>;
  readonly prompts_per_round: string;
  readonly prompt_cells: string;
  readonly query_cells: string;
  readonly max_gpu_cost_usd: string;
  readonly datasets: string;
}

export const NO_WISHES: Wishes = {
  name: "",
  label: "",
  max_iterations: "",
  score_threshold: "",
  control_strategy: "",
  prompts_per_round: "",
  prompt_cells: "",
  query_cells: "",
  max_gpu_cost_usd: "",
  datasets: "",
};

export const wishesOf = ({ name, labels, config }: Run): Wishes => ({
  name: name ?? "",
  label: Object.entries(labels ?? {})
    .map(([key, value]) => `${key}=${value}`)
    .join(", "),
  max_iterations: String(config.max_iterations),
  score_threshold: String(config.score_threshold),
  control_strategy: config.control_strategy,
  prompts_per_round: config.prompts_per_round === undefined ? "" : String(config.prompts_per_round),
  prompt_cells: String(config.prompt_cells),
  query_cells: String(config.query_cells),
  max_gpu_cost_usd: config.max_gpu_cost_usd === null ? "" : String(config.max_gpu_cost_usd),
  datasets: config.datasets.join(", "),
});

const NUMBERS = [
  ["max_iterations", "Iterations at most", 1, 20, "5", 1],
  ["score_threshold", "Score that is good enough (1 to 10)", 1, 10, "7", 1],
  ["prompts_per_round", "Prompts side by side in an iteration", 1, 8, "as the daemon does", 1],
  ["prompt_cells", "Prompt cells at most", 10, 100_000, "512", 1],
  ["query_cells", "Query cells at most", 10, 100_000, "1000", 1],
  ["max_gpu_cost_usd", "GPU cost at most (US dollars)", 0, 100_000, "no limit", "any"],
] as const;

export function configOf(wishes: Wishes): Config {
  const datasets = wishes.datasets
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
  const numbers = NUMBERS.flatMap(([name]) => {
    const value = wishes[name].trim();
    return value === "" || !Number.isFinite(Number(value)) ? [] : [[name, Number(value)]];
  });
  return {
    ...(Object.fromEntries(numbers) as Config),
    ...(wishes.control_strategy === "" ? {} : { control_strategy: wishes.control_strategy }),
    ...(datasets.length === 0 ? {} : { datasets }),
  };
}

/** "project=dose, batch=3"; what has no key goes under `label`. */
export function labelsOf(text: string): Record<string, string> {
  return Object.fromEntries(
    text
      .split(",")
      .map((part) => part.trim())
      .filter((part) => part !== "")
      .map((part) => {
        const place = part.indexOf("=");
        return place === -1
          ? ["label", part]
          : [part.slice(0, place).trim(), part.slice(place + 1).trim()];
      }),
  );
}

export function Options({
  wishes,
  onChange,
}: {
  readonly wishes: Wishes;
  readonly onChange: (wishes: Wishes) => void;
}): JSX.Element {
  const set = (name: keyof Wishes, value: string): void => onChange({ ...wishes, [name]: value });
  const changed = Object.values(wishes).filter((value) => value !== "").length;
  const text = (name: "name" | "label" | "datasets", title: string, hint: string): JSX.Element => (
    <label>
      {title}
      <input
        type="text"
        name={name}
        value={wishes[name]}
        placeholder={hint}
        maxLength={name === "name" ? 100 : 1_000}
        onInput={(event) => set(name, event.currentTarget.value)}
      />
    </label>
  );
  return (
    <details
      class="options"
      onInvalidCapture={(event) => {
        // A field that is refused must be seen.
        event.currentTarget.open = true;
      }}
    >
      <summary>Options{changed > 0 && <span class="tag">{changed} set</span>}</summary>
      <div class="fields">
        {text("name", "Name of the run", "none")}
        {text("label", "Labels", "project=dose, batch=3")}
        {text("datasets", "Atlases", "all")}
        <label>
          Control strategy
          <select
            name="control_strategy"
            value={wishes.control_strategy}
            onChange={(event) => set("control_strategy", event.currentTarget.value)}
          >
            <option value="">as the daemon does</option>
            <option value="synthetic_control">synthetic control: predict controls as well</option>
            <option value="query_as_control">
              query as control: compare with measured controls
            </option>
          </select>
        </label>
        {NUMBERS.map(([name, title, least, most, usual, step]) => (
          <label key={name}>
            {title}
            <input
              type="number"
              name={name}
              min={least}
              max={most}
              step={step}
              inputMode="decimal"
              placeholder={usual}
              value={wishes[name]}
              onInput={(event) => set(name, event.currentTarget.value)}
            />
          </label>
        ))}
      </div>
    </details>
  );
}
