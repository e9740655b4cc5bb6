import { type Config, secretsOf } from "../config.ts";

/** Shorter ones would hide ordinary words. */
const SHORTEST = 8;

/** Takes the configured secrets and whatever looks like a bearer token out of a text. */
export function redactor(config: Config): (text: string) => string {
  const secrets = secretsOf(config).filter(({ length }) => length >= SHORTEST);
  return (text) => secrets.reduce((rest, secret) => rest.replaceAll(secret, "(hidden)"), text).replaceAll(/\bhs_[\w-]{43}/g, "(hidden)");
}
