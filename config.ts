import { resolve } from "node:path";
import { disagreements, headless, misspelt } from "./config/rules.ts";
import { type Environment, pairsOf, variables } from "./config/variables.ts";
import { HaystackError } from "./errors.ts";

export { gpuMachine, gpuPrice } from "./config/prices.ts";
export { isLoopback } from "./config/rules.ts";
export { listed, pairsOf } from "./config/variables.ts";

export interface Config extends Environment {
  /** Absolute. */
  readonly dataDir: string;
}

/** Parses the environment once; all bad variables are reported together (CONFIG_INVALID). Empty means unset. */
export function loadConfig(environment: Readonly<Record<string, string | undefined>>, dataDir?: string): Readonly<Config> {
  const set = Object.entries(environment).filter(([, value]) => value !== undefined && value !== "");
  const names = set.map(([name]) => name);
  const given = Object.fromEntries(set.filter(([name]) => name in variables.shape));
  const parsed = variables.safeParse(given);
  const unreadable = parsed.error?.issues.map(({ path, message }) => ({ name: path.join("."), message })) ?? [];
  const isReadable = ({ name }: { readonly name: string }): boolean => unreadable.every((problem) => problem.name !== name);
  const readable = parsed.data ?? variables.parse(Object.fromEntries(Object.entries(given).filter(([name]) => isReadable({ name }))));
  const problems = [...unreadable, ...[...disagreements(readable), ...headless(Object.keys(given), readable)].filter(isReadable), ...misspelt(names)];
  if (parsed.data === undefined || problems.length > 0) {
    throw new HaystackError("CONFIG_INVALID", `The configuration has variables to correct: ${problems.map(({ name, message }) => `${name} (${message})`).join("; ")}.`);
  }
  return Object.freeze({ ...parsed.data, dataDir: resolve(dataDir ?? parsed.data.HAYSTACK_DATA_DIR) });
}

const isSecret = (name: string): boolean => /(KEY|SECRET|TOKEN|PASSWORD|URI|HEADERS)$/.test(name);

/** Who speaks to an address, and with which password. */
const USER_INFO = /(\w*):\/\/([^/@\s"'\\<>]+)@/g;

/** Behind a colon stands a password; without one it is a token for the web, and elsewhere the name of a user. */
function passwordOf(scheme: string, user: string): string {
  const colon = user.indexOf(":");
  return colon === -1 && !/^https?$/.test(scheme) ? "" : user.slice(colon + 1);
}

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
};

/** What must not be seen in a log or an answer: the secret variables, also those handed on to jobs, and the passwords in addresses. */
export function secretsOf(config: Config): string[] {
  const texts = [...Object.entries(config), ...pairsOf(config.BATCH_ENVIRONMENT)].filter((entry): entry is [string, string] => typeof entry[1] === "string" && entry[1] !== "");
  const passwords = texts.flatMap(([, value]) => [...value.matchAll(USER_INFO)].map(([, scheme = "", user = ""]) => passwordOf(scheme, user)));
  return [...texts.flatMap(([name, value]) => (isSecret(name) ? [value] : [])), ...passwords, ...passwords.map(decoded)].filter((secret) => secret !== "");
}

/** Shorter ones would hide ordinary words. */
const SHORTEST_SECRET = 8;

/** Takes the configured secrets, what is said of users in addresses, and whatever looks like a bearer token out of a text. */
export function redactor(config: Config): (text: string) => string {
  const secrets = secretsOf(config).filter(({ length }) => length >= SHORTEST_SECRET);
  return (text) => secrets.reduce((rest, secret) => rest.replaceAll(secret, "(hidden)"), text.replaceAll(USER_INFO, "$1://(hidden)@")).replaceAll(/\bhs_[\w-]{43}/g, "(hidden)");
}

/** Each variable with its meaning and present value; secrets hidden. */
export function describeConfig(config: Config): { readonly name: string; readonly value: string | number | null; readonly meaning: string }[] {
  const redact = redactor(config);
  const presentable = (name: string, value: Environment[keyof Environment]): string | number | null => {
    if (value === undefined) return null;
    if (isSecret(name)) return "(hidden)";
    if (name === "BATCH_ENVIRONMENT") return redact(String(value).replaceAll(/([^,=]+)=[^,]*/g, (pair, handedOn: string) => (isSecret(handedOn.trim()) ? `${handedOn}=(hidden)` : pair)));
    return typeof value === "number" ? value : redact(String(value));
  };
  return Object.entries(variables.shape).map(([name, schema]) => ({
    name,
    value: name === "HAYSTACK_DATA_DIR" ? config.dataDir : presentable(name, config[name as keyof Environment]),
    meaning: schema.description ?? "",
  }));
}
