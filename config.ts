import { resolve } from "node:path";
import { disagreements, emptied, headless, misspelt } from "./config/rules.ts";
import { presentable, redactor } from "./config/secrets.ts";
import { type Environment, variables } from "./config/variables.ts";
import { configInvalid } from "./errors.ts";

export { type BatchAdapter, batchAdapter, promptsPerRound } from "./config/batch-adapter.ts";
export { type ConfigFile, readConfigFile } from "./config/config-file.ts";
export { bootDiskType, bootDiskTypeElsewhere } from "./config/disks.ts";
export { handedOn } from "./config/handed-on.ts";
export { gpuOffers } from "./config/prices.ts";
export { isLoopback } from "./config/rules.ts";
export { redactor } from "./config/secrets.ts";
export { SECTIONS } from "./config/variables.ts";
export { mongodbOf } from "./config/mongodb.ts";
export { listed, pairsOf } from "./config/forms.ts";

export interface Config extends Environment {
  /** Absolute. */
  readonly dataDir: string;
}

/** Those variables of an environment that are ours. */
export const ownVariables = (
  environment: Readonly<Record<string, string | undefined>>,
): Record<string, string | undefined> =>
  Object.fromEntries(Object.entries(environment).filter(([name]) => name in variables.shape));

/**
 * Parses the environment once; all bad variables are reported together (CONFIG_INVALID). Empty
 * means unset, but where what is used instead would be another place or another guard.
 */
export function loadConfig(
  environment: Readonly<Record<string, string | undefined>>,
  dataDir?: string,
): Readonly<Config> {
  const set = Object.entries(environment).filter(
    ([, value]) => value !== undefined && value !== "",
  );
  const given = ownVariables(Object.fromEntries(set));
  const parsed = variables.safeParse(given);
  const unreadable =
    parsed.error?.issues.map(({ path, message }) => ({ name: path.join("."), message })) ?? [];
  const isReadable = ({ name }: { readonly name: string }): boolean =>
    unreadable.every((problem) => problem.name !== name);
  const readable =
    parsed.data ??
    variables.parse(
      Object.fromEntries(Object.entries(given).filter(([name]) => isReadable({ name }))),
    );
  const problems = [
    ...unreadable,
    ...[...disagreements(readable), ...headless(Object.keys(given), readable)].filter(isReadable),
    ...misspelt(set.map(([name]) => name)),
    ...emptied(environment),
  ];
  if (parsed.data === undefined || problems.length > 0) {
    throw configInvalid(problems.map(({ name, message }) => `${name} (${message})`));
  }
  return Object.freeze({
    ...parsed.data,
    dataDir: resolve(dataDir ?? parsed.data.HAYSTACK_DATA_DIR),
  });
}

/** Each variable with its meaning and present value; secrets hidden. */
export function describeConfig(
  config: Config,
): { readonly name: string; readonly value: string | number | null; readonly meaning: string }[] {
  const redact = redactor(config);
  const shown = (name: string, value: Environment[keyof Environment]): string | number | null => {
    if (value === undefined) return null;
    return typeof value === "number" ? value : redact(presentable(name, String(value)));
  };
  return Object.entries(variables.shape).map(([name, schema]) => ({
    name,
    value:
      name === "HAYSTACK_DATA_DIR"
        ? config.dataDir
        : shown(name, config[name as keyof Environment]),
    meaning: schema.description ?? "",
  }));
}
