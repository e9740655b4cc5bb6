import { isIPv4 } from "node:net";
import { distance } from "fastest-levenshtein";
import { batchDisagreements } from "./batch-rules.ts";
import { handedOn } from "./handed-on.ts";
import { isOfMongodb } from "./mongodb.ts";
import { gpuMachine, gpuOffers, regionsOfJobs } from "./prices.ts";
import { pairsOf, type Problem } from "./forms.ts";
import { LOCAL_SENDER } from "./variables/mail.ts";
import { type Environment, variables } from "./variables.ts";

/** True for the names of this machine that no other can reach it by. */
export const isLoopback = (host: string): boolean =>
  host === "localhost" || host === "::1" || (isIPv4(host) && host.startsWith("127."));

/**
 * What is needed together, and what excludes each other; a variable that cannot be read counts as
 * unset.
 */
export function disagreements(given: Environment): Problem[] {
  const needed = (present: unknown, name: keyof Environment, message: string): Problem[] =>
    present !== undefined && given[name] === undefined ? [{ name, message }] : [];
  const unless = (fine: boolean, name: keyof Environment, message: string): Problem[] =>
    fine ? [] : [{ name, message }];
  const dispatch = given.DISPATCH === "batch" ? given.DISPATCH : undefined;
  const unknownToJobs = dispatch === undefined ? [] : secretsWithoutVersion(given);
  return [
    ...batchDisagreements(given),
    ...needed(
      given.BATCH_PROJECT,
      "BATCH_IMAGE",
      "missing; BATCH_PROJECT needs the image of the worker",
    ),
    ...needed(given.BATCH_PROJECT, "GCS_BUCKET", "missing; GPU jobs read and write a bucket"),
    ...needed(given.BATCH_PROJECT, "PUBSUB_TOPIC", "missing; Batch publishes job changes to it"),
    ...needed(given.BATCH_PROJECT, "PUBSUB_SUBSCRIPTION", "missing; job changes are read from it"),
    ...unless(
      given.BATCH_PROJECT === undefined || gpuOffers(given).length > 0,
      "BATCH_PRICES",
      `has no price for ${gpuMachine(given)}`,
    ),
    ...unless(
      given.BATCH_ENTRYPOINT !== "image" ||
        gpuOffers(given).every(({ machine }) => !machine.includes(" with ")),
      "BATCH_ENTRYPOINT",
      "Google Batch does not start an image's ENTRYPOINT on machines with accelerators: name the program, such as python -m haystack_worker",
    ),
    ...unless(
      regionOf(given.BATCH_SUBNETWORK) === undefined ||
        [...regionsOfJobs(given)].every((region) => region === regionOf(given.BATCH_SUBNETWORK)),
      "BATCH_SUBNETWORK",
      "is of one region, and jobs are made in others too (BATCH_OFFERS, or BATCH_LOCATION under DISPATCH=batch): write {region} in place of its name",
    ),
    ...unless(
      given.BATCH_PROJECT === undefined || given.INFERENCE_COMMAND === undefined,
      "INFERENCE_COMMAND",
      "runs on this machine and BATCH_PROJECT on Google Batch; unset one of them",
    ),
    ...needed(
      given.GCS_BUCKET,
      "BATCH_PROJECT",
      "missing; without it jobs run on this machine, which cannot read a bucket",
    ),
    ...needed(
      given.AUTH === "iap" ? given.AUTH : undefined,
      "IAP_AUDIENCE",
      "missing; AUTH=iap needs the audience of its assertions",
    ),
    ...unless(
      !isOfMongodb(given),
      "MONGODB_DATABASE",
      "must name a database for the runs, as MongoDB keeps its own in that of MONGODB_URI: set it, such as to haystack",
    ),
    ...unless(
      given.AUTH !== "none" || isLoopback(given.HTTP_HOST),
      "AUTH",
      "without sign-in the daemon listens on this machine only: set AUTH=token or AUTH=iap, or HTTP_HOST=127.0.0.1",
    ),
    ...unless(
      given.SENDGRID_API_KEY === undefined || given.MAIL_FROM !== LOCAL_SENDER,
      "MAIL_FROM",
      "SendGrid needs a sender that it has verified",
    ),
    ...(["BATCH_PROJECT", "DISPATCH_IMAGE", "MONGODB_URI"] as const).flatMap((name) =>
      needed(dispatch, name, "missing; DISPATCH=batch needs it"),
    ),
    ...needed(
      dispatch,
      "SENDGRID_API_KEY",
      "missing; mails of a run on its own machine would be files that go with the machine, so DISPATCH=batch needs a mail service",
    ),
    ...unless(
      unknownToJobs.length === 0,
      "DISPATCH_SECRETS",
      `jobs need ${unknownToJobs.join(", ")} from Secret Manager`,
    ),
  ];
}

/** Of a subnetwork; undefined where it names none, or that of each job. */
const regionOf = (subnetwork: string | undefined): string | undefined =>
  /regions\/([a-z0-9-]+)\//.exec(subnetwork ?? "")?.[1];

/** What the jobs of this daemon would go without, and so do other work than it. */
function secretsWithoutVersion(given: Environment): string[] {
  const versions = new Set(pairsOf(given.DISPATCH_SECRETS).map(([name]) => name));
  return Object.entries(given).flatMap(([name, value]) =>
    typeof value === "string" && handedOn(name, value) === "as a secret" && !versions.has(name)
      ? [name]
      : [],
  );
}

/**
 * Variables that do nothing without another one. Those that other programs read too may stand
 * alone.
 */
const HEADS: readonly {
  readonly head: string;
  readonly isSet: (given: Environment) => boolean;
  readonly names: RegExp;
}[] = [
  {
    head: "BATCH_PROJECT",
    isSet: ({ BATCH_PROJECT }) => BATCH_PROJECT !== undefined,
    names: /^(BATCH_|PUBSUB_(?!EMULATOR_HOST))/,
  },
  {
    head: "GCS_BUCKET",
    isSet: ({ GCS_BUCKET }) => GCS_BUCKET !== undefined,
    names: /^(GCS_PREFIX|GCS_USER_PROJECT|SIGNED_URL_SECONDS)$/,
  },
  {
    head: "MONGODB_URI",
    isSet: ({ MONGODB_URI }) => MONGODB_URI !== undefined,
    names: /^MONGODB_/,
  },
  {
    head: "INFERENCE_COMMAND",
    isSet: ({ INFERENCE_COMMAND }) => INFERENCE_COMMAND !== undefined,
    names: /^INFERENCE_/,
  },
  {
    head: "SENDGRID_API_KEY",
    isSet: ({ SENDGRID_API_KEY }) => SENDGRID_API_KEY !== undefined,
    names: /^SENDGRID_/,
  },
  {
    head: "OPENAI_API_KEY",
    isSet: ({ OPENAI_API_KEY }) => OPENAI_API_KEY !== undefined,
    names: /^(OPENAI_(?!BASE_URL)|MODEL_)/,
  },
  { head: "LOOKUPS", isSet: ({ LOOKUPS }) => LOOKUPS !== "", names: /^(UNIPROT|REACTOME|KEGG)_/ },
  {
    head: "LITERATURE=pubmed",
    isSet: ({ LITERATURE }) => LITERATURE === "pubmed",
    names: /^NCBI_BASE_URL$/,
  },
  { head: "AUTH=iap", isSet: ({ AUTH }) => AUTH === "iap", names: /^IAP_/ },
  { head: "DISPATCH=batch", isSet: ({ DISPATCH }) => DISPATCH === "batch", names: /^DISPATCH_/ },
];

/** Variables that were set and do nothing. */
export function headless(names: readonly string[], given: Environment): Problem[] {
  return HEADS.filter(({ isSet }) => !isSet(given)).flatMap(({ head, names: belonging }) =>
    names
      .filter((name) => name !== head && belonging.test(name))
      .map((name) => ({
        name,
        message: `has no effect without ${head}; unset it, or set ${head}`,
      })),
  );
}

/** An empty one of these is a secret or a template that was not filled in. */
const NEVER_EMPTY: readonly (keyof Environment)[] = [
  "AUTH",
  "BATCH_PROJECT",
  "DISPATCH",
  "GCS_BUCKET",
  "HAYSTACK_DATA_DIR",
  "HAYSTACK_SERVER",
  "MONGODB_URI",
];

/** Variables that are there without a value, and choose where runs are or who may ask. */
export const emptied = (environment: Readonly<Record<string, string | undefined>>): Problem[] =>
  NEVER_EMPTY.filter((name) => environment[name]?.trim() === "").map((name) => ({
    name,
    message: "is empty; give it a value, or leave it out for what is used without it",
  }));

const LETTERS_PER_SLIP = 7;
const MOST_SLIPS = 2;

/** Names that are no variables and look like one that is not set. */
export function misspelt(names: readonly string[]): Problem[] {
  const unset = Object.keys(variables.shape).filter((name) => !names.includes(name));
  return names
    .filter((name) => !(name in variables.shape))
    .flatMap((name) => {
      const meant = unset.find(
        (other) =>
          distance(name, other) <=
          Math.min(MOST_SLIPS, Math.floor(other.length / LETTERS_PER_SLIP)),
      );
      return meant === undefined
        ? []
        : [{ name, message: `is not a variable; did you mean ${meant}?` }];
    });
}

/** The variable whose name is most like this one. */
export const nearestVariable = (name: string): string =>
  Object.keys(variables.shape).reduce((nearest, other) =>
    distance(name, other) < distance(name, nearest) ? other : nearest,
  );
