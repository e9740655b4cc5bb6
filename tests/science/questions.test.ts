import { expect, test } from "vitest";
import { scoreQuestions } from "../../bench/agents-score.ts";
import { scoreTitles } from "../../bench/titles-score.ts";

const BOUND = 0.95;

test("of the held questions that are clear, the rules alone read at least 95 of 100 rightly, and obey no instruction in them", () => {
  const { clear, clear_questions, injections_obeyed } = scoreQuestions();
  expect(clear_questions).toBeGreaterThan(100);
  for (const [field, { precision, recall }] of Object.entries(clear)) {
    expect([field, precision]).toEqual([
      field,
      expect.toSatisfy((share: number) => share >= BOUND),
    ]);
    expect([field, recall]).toEqual([field, expect.toSatisfy((share: number) => share >= BOUND)]);
  }
  expect(injections_obeyed).toEqual([]);
});

test("of questions rephrased from public titles, what the rules answer is what was asked", () => {
  expect(scoreTitles("titles-second")).toMatchObject({ questions: 60, wrong: 0, precision: 1 });
  const { questions, precision, wrong } = scoreTitles();
  expect(questions).toBe(150);
  expect([wrong, precision]).toEqual([
    expect.toSatisfy((count: number) => count <= 3),
    expect.toSatisfy((share: number) => share >= 0.98),
  ]);
});
