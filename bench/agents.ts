import { existsSync } from "node:fs";
import { parseArgs } from "node:util";
import { scoreQuestions } from "./agents-score.ts";

/**
 * How well questions are understood by rules alone, on the held set of data/questions.json: `node
 * bench/agents.ts [--knowledge FOLDER] [--json]`. Fails when a question that is clear falls below
 * the bound: precision and recall of each field are at least 0.95. FOLDER holds imported knowledge,
 * as DATA_DIR/knowledge.
 */

const BOUND = 0.95;

const { values } = parseArgs({
  options: { knowledge: { type: "string" }, json: { type: "boolean", default: false } },
});
if (values.knowledge !== undefined && !existsSync(values.knowledge))
  throw new Error(`There is no folder ${values.knowledge}.`);
const result = scoreQuestions(values.knowledge);
const passed =
  Object.values(result.clear).every(
    ({ precision, recall }) => precision >= BOUND && recall >= BOUND,
  ) && result.injections_obeyed.length === 0;
if (values.json)
  console.log(JSON.stringify({ benchmark: "agents", bound: BOUND, passed, ...result }, null, 1));
else {
  for (const [field, { precision, recall, expected, answered, correct }] of Object.entries(
    result.clear,
  )) {
    console.log(
      `${field.padEnd(13)} precision ${precision.toFixed(3)}  recall ${recall.toFixed(3)}  (${correct} right of ${answered} answered, ${expected} expected)`,
    );
  }
  for (const { question, field, expected, found } of result.mistakes)
    console.log(`${field}: expected ${expected ?? "none"}, found ${found ?? "none"}: ${question}`);
}
process.exitCode = passed ? 0 : 1;
