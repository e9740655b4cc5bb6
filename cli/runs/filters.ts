import type { Command } from "commander";
import { type ErrorCode, HaystackError } from "../../errors.ts";
import { ERROR_CATALOGUE } from "../../error-catalogue.ts";
import { given } from "../../given.ts";
import { RUN_STATUSES, type RunStatus } from "../../services/runs/document.ts";
import { readLabels, repeated } from "../options.ts";
import type { ListFilter } from "./operations.ts";

/** Options that choose runs. */
export interface FilterOptions {
  readonly status?: string;
  readonly text?: string;
  readonly label?: readonly string[];
  readonly failedWith?: string;
  readonly newerThan?: string;
  readonly olderThan?: string;
}

export const addFilterOptions = (command: Command): Command =>
  command
    .option("--status <status>", `only runs that are ${RUN_STATUSES.join(", ")}`)
    .option("--text <words>", "only runs whose question or name contains this")
    .option("--label <key=value>", "only runs with this label; may be repeated", repeated)
    .option("--failed-with <code>", "only runs that failed with this error, such as DISK_FULL")
    .option("--newer-than <age>", "only runs created within this time, such as 12h or 7d")
    .option("--older-than <age>", "only runs created before this time, such as 12h or 7d");

export const hasFilter = ({
  status,
  text,
  label,
  failedWith,
  newerThan,
  olderThan,
}: FilterOptions): boolean =>
  [status, text, label, failedWith, newerThan, olderThan].some((option) => option !== undefined);

/** Error USAGE. */
export function filterOf(
  { status, text, label, failedWith, newerThan, olderThan }: FilterOptions,
  limit: number,
): ListFilter {
  if (status !== undefined && !(RUN_STATUSES as readonly string[]).includes(status))
    throw new HaystackError("USAGE", `--status must be one of ${RUN_STATUSES.join(", ")}.`);
  if (text === "")
    throw new HaystackError("USAGE", "--text takes at least one character to look for.");
  if (failedWith !== undefined && !(failedWith in ERROR_CATALOGUE))
    throw new HaystackError(
      "USAGE",
      `There is no error ${failedWith}; --failed-with takes a code as a failed run shows it, such as DISK_FULL.`,
    );
  return {
    limit,
    ...given({
      status: status as RunStatus | undefined,
      text,
      failed_with: failedWith as ErrorCode | undefined,
      labels: label === undefined ? undefined : readLabels(label),
      created_from: newerThan === undefined ? undefined : timeAgo("--newer-than", newerThan),
      created_until: olderThan === undefined ? undefined : timeAgo("--older-than", olderThan),
    }),
  };
}

const UNITS_MS = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;

/** The time so long ago, ISO 8601; a date or time stands for itself. */
const timeAgo = (option: string, text: string): string =>
  new Date(Date.now() - ageMs(option, text)).toISOString();

/** Milliseconds since a date, or of an age. Error USAGE. */
export function ageMs(option: string, text: string): number {
  const [, amount, unit] = /^(\d{1,6})([mhdw])$/.exec(text) ?? [];
  const now = Date.now();
  const time =
    amount === undefined
      ? /^\d{4}-\d\d-\d\d/.test(text)
        ? Date.parse(text)
        : Number.NaN
      : now - Number(amount) * UNITS_MS[unit as keyof typeof UNITS_MS];
  if (Number.isNaN(time) || time < 0)
    throw new HaystackError(
      "USAGE",
      `${option} takes an age such as 30m, 12h, 7d or 2w, or a date such as 2026-01-31.`,
    );
  return now - time;
}
