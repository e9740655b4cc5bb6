import { z } from "zod";

/** Forms of values that several variables share. */

export const whole = (least: number, most: number) => z.coerce.number().int().min(least).max(most);

/** A list separated by commas, each part in the given form. */
export const listOf = (part: RegExp, form: string, standard = "") =>
  z
    .string()
    .refine(
      (text) => listed(text).every((entry) => part.test(entry)),
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
