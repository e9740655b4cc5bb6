import { globSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

const glossary = readFileSync("docs/glossary.md", "utf8");
const sources = (pattern: string) =>
  globSync(pattern).map((file) => [file, readFileSync(file, "utf8")] as const);

/** The names that a source gives to the states of a table. */
const statesOf = (file: string, table: string): string[] => {
  const rows = new RegExp(`const ${table}\\b[^=]*= \\{\\n([^]*?)\\n\\};`).exec(
    readFileSync(file, "utf8"),
  )?.[1];
  return [...(rows ?? "").matchAll(/^ {2}(\w+):/gm)].map(([, name]) => name ?? "").toSorted();
};

/** The words in italics of the sentence that begins with the file's name. */
const wordsAfter = (file: string): string[] => {
  const sentence = new RegExp(`\`${file}\`: ([^.;]*)[.;]`).exec(glossary)?.[1];
  return [...(sentence ?? "").matchAll(/\*(\w+)\*/g)].map(([, word]) => word ?? "").toSorted();
};

test.each([
  ["actors/host/run-life.ts", "FOLLOWS"],
  ["actors/host/write-state.ts", "NEXT"],
])("the glossary names the states of %s", (file, table) => {
  const states = statesOf(file, table);
  expect(states.length).toBeGreaterThan(3);
  expect(wordsAfter(file)).toEqual(states);
});

test("a word is defined once", () => {
  const words = [...glossary.matchAll(/^\| ([\w -]+) \|/gm)]
    .map(([, word]) => word)
    .filter((word) => word !== "word");
  expect(words.length).toBeGreaterThan(30);
  expect(words).toEqual([...new Set(words)]);
});

/** Other words for stop, release, passivate and lose. */
const OTHER_WORDS =
  /\b(?:giv(?:e|es|en|ing)|gave)(?: \w+){0,2} (?:up|back)\b|\b(?:give(?:Up|Back)|let(?:Rest|Go)|abandon\w*|forget\w*)\b|\bleave(?=\(| =)/g;

test("the end of hosting has no other words", () => {
  const found = sources("actors/{host,supervisor,mail,watch}/*.ts").flatMap(([file, text]) =>
    [...text.matchAll(OTHER_WORDS)].map(([word]) => `${file}: ${word}`),
  );
  expect(found).toEqual([]);
});
