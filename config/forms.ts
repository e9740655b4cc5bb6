import { z } from "zod";

/** Forms of values that several variables share. */

/** What is wrong with the variable of that name. */
export interface Problem {
  readonly name: string;
  readonly message: string;
}

/** Characters of a value: lists of addresses and secrets are long, nothing is longer. */
const LONGEST = 100_000;
const LARGEST_AMOUNT = 1_000_000;

export const anyText = () => z.string().max(LONGEST);

export const address = (...given: Parameters<typeof z.url>) => z.url(...given).max(LONGEST);

/** true or false, by the words that people use for them, of which none is longer. */
export const flag = () => z.stringbool().meta({ maxLength: 8 });

/** An account of Google Cloud, which is written as an address. */
export const serviceAccount = () =>
  anyText()
    .regex(
      /^[^@\s]+@[^@\s]+$/,
      "must be the address of a service account, such as NAME@PROJECT.iam.gserviceaccount.com",
    )
    .optional();

/** Of US dollars. */
export const amount = () => z.coerce.number().min(0).max(LARGEST_AMOUNT);

export const whole = (least: number, most: number) => z.coerce.number().int().min(least).max(most);

/** A list separated by commas, each part in the given form. */
export const listOf = (part: RegExp, form: string, standard = "") =>
  anyText()
    .refine(
      (value) => listed(value).every((entry) => part.test(entry)),
      `has an entry that is not of the form ${form}`,
    )
    .default(standard);

/** The parts of a variable that lists some. */
export const listed = (text: string): string[] =>
  text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");

/** The pairs of a variable that lists some, as name=value. */
export const pairsOf = (text: string): [string, string][] =>
  listed(text).map((pair) => [
    pair.slice(0, pair.indexOf("=")).trim(),
    pair.slice(pair.indexOf("=") + 1).trim(),
  ]);
