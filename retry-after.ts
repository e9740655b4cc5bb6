/** Nobody waits longer than a day; more is a mistake or an attack. */
const LONGEST_MS = 24 * 3_600_000;

const bounded = (milliseconds: number): number => Math.min(LONGEST_MS, Math.max(0, milliseconds));

/**
 * Milliseconds that an answer's headers ask to wait (RFC 9110, 10.2.3): by retry-after-ms, which
 * some services send, or by Retry-After in seconds or as a date. At most a day, never negative; null
 * when they do not say or cannot be read.
 */
export function retryAfter(headers: Pick<Headers, "get"> | undefined, now: number): number | null {
  const inMs = headers?.get("retry-after-ms")?.trim() ?? "";
  if (NUMBER.test(inMs)) return bounded(Number(inMs));
  const after = headers?.get("retry-after")?.trim() ?? "";
  if (NUMBER.test(after)) return bounded(Number(after) * 1_000);
  // Date.parse makes a year or a month of a bare number.
  const date = DATE.test(after) ? Date.parse(inGmt(after)) : Number.NaN;
  return Number.isNaN(date) ? null : bounded(date - now);
}

/** A pause below zero is over. */
const NUMBER = /^-?\d+(\.\d+)?$/;
/** The forms of RFC 9110, 5.6.7, all of which begin with the name of a day. */
const DATE = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? /;
const ENDS_WITH_ZONE = /([A-Z]{1,4}|[+-]\d\d:?\d\d)$/;
/** The oldest form names no zone and is in GMT; Date.parse takes it for local time. */
const inGmt = (date: string): string => (ENDS_WITH_ZONE.test(date) ? date : `${date} GMT`);
