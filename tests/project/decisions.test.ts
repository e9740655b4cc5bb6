import { globSync, readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

const FOLDER = "docs/decisions";
const read = (file: string): string => readFileSync(file, "utf8");
const notes = readdirSync(FOLDER)
  .filter((file) => file !== "README.md")
  .toSorted();
const titleOf = (file: string): string => read(`${FOLDER}/${file}`).split("\n")[0] ?? "";

test("decisions are numbered from 1 without a gap, each number once", () => {
  expect(notes.length).toBeGreaterThan(15);
  expect(notes.map((file) => file.slice(0, 5))).toEqual(
    notes.map((_, index) => `${String(index + 1).padStart(4, "0")}-`),
  );
});

test("the list has every decision in order, by the title of its file", () => {
  const listed = [...read(`${FOLDER}/README.md`).matchAll(/^- \[(.+)\]\((.+)\)$/gm)];
  expect(listed.map(([, title, file]) => `${file}: # ${title}`)).toEqual(
    notes.map((file) => `${file}: ${titleOf(file)}`),
  );
});

test("every decision has its context, its choice and what would reopen it", () => {
  const form = /\n\nContext\. [^]+\n\nChoice\.\s[^]+\n\nReopen when /;
  expect(notes.filter((file) => !form.test(read(`${FOLDER}/${file}`)))).toEqual([]);
});

test("every decision that sources and documents name is there", () => {
  const named = globSync("{*,{.ci,actors,bench,cli,config,docs,insight,machines}/**/*}.{ts,md}")
    .concat(globSync("{science,server,services,tests,worker}/**/*.{ts,md,py}"))
    .flatMap((file) =>
      [...read(file).matchAll(/docs\/decisions\/(\d{4}[\w-]*)/g)].map(([, name = ""]) => ({
        file,
        name,
      })),
    );
  expect(named.length).toBeGreaterThan(2);
  expect(
    named.filter(({ name }) => !notes.some((note) => note.startsWith(name.padEnd(5, "-")))),
  ).toEqual([]);
});
