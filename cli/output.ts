/**
 * Results go to stdout: one JSON document with --json, plain text without. Everything else goes to
 * stderr.
 *
 * 1. Nothing that a terminal would act on (but line ends and tabs) gets there: not from questions,
 *    files or programs.
 * 2. A reader that goes away changes nothing but what is read: the command goes on to its end.
 */
export function print(json: boolean, value: unknown, text: string): void {
  say(json ? `${JSON.stringify(value, null, 1)}\n` : `${text}\n`);
}

export function note(text: string): void {
  hint(`${text}\n`);
}

/** To stdout, as it is. */
export const say = (text: string): void => void process.stdout.write(visible(text));

/** To stderr, as it is. */
export const hint = (text: string): void => void process.stderr.write(visible(text));

const ACTED_ON = /[^\P{Cc}\n\t]|\p{Bidi_Control}/gu;

/** The escapes are those of JSON, so that a document stays the same. */
export const visible = (text: string): string =>
  text.replaceAll(
    ACTED_ON,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );

/** Whether a line can be drawn over on stderr. */
export const isDrawable = (): boolean =>
  process.stderr.isTTY && process.stderr.columns > 0 && process.env["TERM"] !== "dumb";

/** EIO: the terminal is gone. */
const READER_GONE: ReadonlySet<unknown> = new Set(["EPIPE", "EIO"]);

/**
 * What cannot be said on stderr is not worth ending for; a result that could not be written is told
 * to `onLost`.
 */
export function outliveReaders(onLost: (error: NodeJS.ErrnoException) => void): void {
  process.stderr.on("error", () => undefined);
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (!READER_GONE.has(error.code)) onLost(error);
  });
}

/** Rows as aligned columns under a heading. */
export function table(
  heading: readonly string[],
  rows: readonly (readonly (string | number | null)[])[],
): string {
  const cells = [heading, ...rows].map((row) =>
    row.map((cell) => (cell === null ? "-" : String(cell).replaceAll(/\s+/g, " "))),
  );
  const widths = heading.map((_, column) =>
    Math.max(...cells.map((row) => row[column]?.length ?? 0)),
  );
  return cells
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
