import { readFileSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { parseEnv } from "node:util";
import { configInvalid, type HaystackError } from "../errors.ts";
import { nearestVariable } from "./rules.ts";
import { isSecret } from "./secrets.ts";
import { variables } from "./variables.ts";

/** The file that may hold variables, of the folder where a command is started. */
const CONFIG_FILES = ["haystack.config.json", ".env"] as const;
type ConfigFileName = (typeof CONFIG_FILES)[number];

export interface ConfigFile {
  readonly name: ConfigFileName;
  /** Only variables of ours. */
  readonly values: Readonly<Record<string, string>>;
  /** What its user should know, in one sentence. */
  readonly warning: string | undefined;
}

const isOurs = (name: string): boolean => name in variables.shape;

/**
 * The configuration file of a folder, unchecked but for its names: in haystack.config.json all must
 * be ours, a .env may hold those of other programs. Error CONFIG_INVALID.
 */
export function readConfigFile(folder: string): ConfigFile | undefined {
  const found = CONFIG_FILES.flatMap((name) => {
    const text = textOf(resolve(folder, name));
    if (text === undefined) return [];
    const all = name === ".env" ? parseEnv(text) : parseJson(text);
    const values = Object.fromEntries(
      Object.entries(all).filter((entry): entry is [string, string] => isOurs(entry[0])),
    );
    return [{ name, values, warning: warningOf(resolve(folder, name), name, values) }];
  }).filter(({ name, values }) => name !== ".env" || Object.keys(values).length > 0);
  if (found.length > 1)
    throw invalid(`${CONFIG_FILES.join(" and ")} are both here; keep one of them`);
  return found[0];
}

const invalid = (problem: string, cause?: unknown): HaystackError =>
  configInvalid([problem], { cause });

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    if (code === "ENOENT") return undefined;
    throw invalid(
      `The configuration file ${file} cannot be read; make it a file that you may read, or remove it`,
      thrown,
    );
  }
}

function parseJson(text: string): Record<string, string> {
  const names = parsedObject(text);
  const problems = Object.entries(names).flatMap(([name, value]) => {
    if (!isOurs(name)) return [`${name} is not a variable; did you mean ${nearestVariable(name)}`];
    return ["string", "number", "boolean"].includes(typeof value)
      ? []
      : [`${name} must be a text, a number, true or false`];
  });
  if (problems.length > 0)
    throw configInvalid(problems.map((problem) => `in haystack.config.json ${problem}`));
  return Object.fromEntries(Object.entries(names).map(([name, value]) => [name, String(value)]));
}

function parsedObject(text: string): object {
  const form = 'write it like { "MODEL_MAX_USD": 2 }';
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (thrown) {
    throw invalid(`haystack.config.json is not valid JSON; ${form}`, thrown);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw invalid(`haystack.config.json holds no object of variables; ${form}`);
  return value;
}

const READ_BY_ALL = 0o004;

function warningOf(
  file: string,
  name: ConfigFileName,
  values: Readonly<Record<string, string>>,
): string | undefined {
  const secrets = Object.keys(values).filter(isSecret);
  const isOpen = process.platform !== "win32" && (statSync(file).mode & READ_BY_ALL) !== 0;
  return secrets.length > 0 && isOpen
    ? `Every user of this machine can read ${secrets.join(", ")} in ${name}; run: chmod 600 ${name}`
    : undefined;
}
