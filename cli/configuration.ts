import { loadConfig, readConfigFile, type Config, type ConfigFile } from "../config.ts";
import { note } from "./output.ts";

/**
 * The configuration of a command: flags, then variables, then the file of the present folder, then
 * defaults.
 */

let applied: { readonly file: ConfigFile | undefined; readonly names: ReadonlySet<string> } | null =
  null;

/**
 * Puts what the file sets and no variable does into the environment of this process, where the
 * libraries that read some of it find it too. Once a process. Error CONFIG_INVALID.
 */
function applyFile(): NonNullable<typeof applied> {
  if (applied !== null) return applied;
  const file = readConfigFile(process.cwd());
  if (file?.warning !== undefined) note(`haystack: ${file.warning}`);
  const names = Object.keys(file?.values ?? {}).filter((name) => !process.env[name]);
  for (const name of names) process.env[name] = file?.values[name];
  return (applied = { file, names: new Set(names) });
}

/** Error CONFIG_INVALID. */
export function readConfig(dataDir?: string): Readonly<Config> {
  applyFile();
  return loadConfig(process.env, dataDir);
}

export type Origin = "flag" | "variable" | "haystack.config.json" | ".env" | "default";

/** Where the value of a variable comes from. */
export function originOf(name: string, dataDir: string | undefined): Origin {
  const { file, names } = applyFile();
  if (name === "HAYSTACK_DATA_DIR" && dataDir !== undefined) return "flag";
  if (file !== undefined && names.has(name)) return file.name;
  return process.env[name] ? "variable" : "default";
}
