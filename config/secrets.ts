import { pairsOf } from "./forms.ts";

const HIDDEN = "(hidden)";

export const isSecret = (name: string): boolean =>
  /(KEY|SECRET|TOKEN|PASSWORD|URI|HEADERS)$/.test(name);

/** Who speaks to an address, and with which password. */
const USER_INFO = /(\w*):\/\/([^/@\s"'\\<>]+)@/g;

/**
 * Behind a colon stands a password; without one it is a token for the web, and elsewhere the name
 * of a user.
 */
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

/**
 * What a command line hands over behind an option or variable that names a secret: --token=X,
 * --api-key X, -e HF_TOKEN=X.
 */
const HANDED_OVER = /([\w-]*(?:key|secret|token|password)(?:=|\s+)["']?)([^\s"']+)/gi;
const COMMAND_LINES = new Set(["INFERENCE_COMMAND", "BATCH_CONTAINER_OPTIONS"]);

/**
 * What must not be seen in a log or an answer: the secret variables, also those handed on to jobs
 * and programs, and the passwords in addresses.
 */
function secretsOf(values: object): string[] {
  const given = Object.entries(values).filter(
    (entry): entry is [string, string] => typeof entry[1] === "string" && entry[1] !== "",
  );
  const handedOn = given.flatMap(([name, value]) =>
    name === "BATCH_ENVIRONMENT" ? pairsOf(value) : [],
  );
  const handedOver = given.flatMap(([name, value]) =>
    COMMAND_LINES.has(name)
      ? [...value.matchAll(HANDED_OVER)].map(([, , secret = ""]) => secret)
      : [],
  );
  const texts = [...given, ...handedOn];
  const passwords = texts.flatMap(([, value]) =>
    [...value.matchAll(USER_INFO)].map(([, scheme = "", user = ""]) => passwordOf(scheme, user)),
  );
  return [
    ...texts.flatMap(([name, value]) => (isSecret(name) ? [value] : [])),
    ...handedOver,
    ...passwords,
    ...passwords.map(decoded),
  ].filter((secret) => secret !== "");
}

/** Shorter ones would hide ordinary words. */
const SHORTEST_SECRET = 8;

/** One variable as it may be shown; short secrets in it are hidden too. */
export function presentable(name: string, value: string): string {
  if (isSecret(name)) return HIDDEN;
  if (name === "BATCH_ENVIRONMENT")
    return value.replaceAll(/([^,=]+)=[^,]*/g, (pair, handedOn: string) =>
      isSecret(handedOn.trim()) ? `${handedOn}=${HIDDEN}` : pair,
    );
  return COMMAND_LINES.has(name) ? value.replaceAll(HANDED_OVER, `$1${HIDDEN}`) : value;
}

/**
 * What lets anybody in who has the address: signatures of links to Google, S3, CloudFront and Azure,
 * the id of an upload, a key or token. Also as it stands in JSON and HTML.
 */
const RIGHT_IN_ADDRESS =
  /((?:[?&;]|\\u0026)(?:X-Goog-Signature|X-Amz-Signature|X-Amz-Security-Token|Signature|sig|upload_id|access_token|token|api[-_]?key|key)=)[^&\s"'\\<>]+/gi;
const BEARER = /\b(Bearer\s+)[\w.~+/-]{16,}=*/gi;
/** By what they begin with: ours, Google's, Hugging Face's, OpenAI's, GitHub's; JSON Web Tokens. */
const TOKENS =
  /\b(?:hs_[\w-]{43}|ya29\.[\w.-]{20,}|AIza[\w-]{35}|hf_[A-Za-z0-9]{30,}|sk-(?:[a-z]+-)?[A-Za-z0-9_]{32,}[\w-]*|gh[pousr]_[A-Za-z0-9]{36,}|eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]+)/g;

/**
 * Takes the secrets of these variables, what is said of users in addresses, and whatever gives a
 * right by itself out of a text.
 */
export function redactor(values: object): (text: string) => string {
  const secrets = secretsOf(values).filter(({ length }) => length >= SHORTEST_SECRET);
  return (text) =>
    secrets
      .reduce(
        (rest, secret) => rest.replaceAll(secret, HIDDEN),
        text.replaceAll(USER_INFO, `$1://${HIDDEN}@`),
      )
      .replaceAll(RIGHT_IN_ADDRESS, `$1${HIDDEN}`)
      .replaceAll(BEARER, `$1${HIDDEN}`)
      .replaceAll(TOKENS, HIDDEN);
}
