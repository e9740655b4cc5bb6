import { z } from "zod";
import { HaystackError } from "../../errors.ts";
import type { EmbeddedLikeness } from "../../science/prompting/retrieval.ts";
import type { SemanticTexts } from "../../science/prompting/strategies/semantic.ts";
import type { EmbeddingModel, ModelUsage } from "../../services/language-model/index.ts";
import type { ObjectStore } from "../../services/objects/index.ts";
import { embeddingCache } from "./embedding-cache.ts";
import type { Session } from "./session.ts";

const TEXTS_A_CALL = 256;
/** English and labels have more characters a token: an estimate on the safe side. */
const CHARACTERS_A_TOKEN = 3;

const vectorsSchema = z.array(z.array(z.number()).min(1));
type Vectors = z.infer<typeof vectorsSchema>;

type Compared = { readonly usage: ModelUsage } & (
  | { readonly likeness: EmbeddedLikeness }
  | { readonly problem: string }
);

/**
 * How near the texts are to the asked ones in meaning. A vector is asked for once and kept for all
 * runs; the step's journal keeps the cosines, so that the step sees the same ones when it runs
 * again.
 * Errors: MODEL_UNAVAILABLE; MODEL_OUTPUT_INVALID for vectors that cannot be compared; MODEL_LIMIT;
 * STEP_ABORTED.
 */
export async function embeddedLikeness(likeness: Likeness): Promise<EmbeddedLikeness> {
  const { session, model, texts, signal } = likeness;
  const compared = await session.once(
    ["embeddings", model.name, texts],
    (key) => compare({ ...likeness, key }),
    signal,
  );
  session.add(compared.usage);
  if ("problem" in compared) throw new HaystackError("MODEL_OUTPUT_INVALID", compared.problem);
  return compared.likeness;
}

export interface Likeness {
  readonly session: Session;
  readonly model: EmbeddingModel;
  readonly objects: ObjectStore;
  readonly texts: SemanticTexts;
  readonly signal: AbortSignal;
  readonly onCacheTrouble?: ((trouble: HaystackError) => void) | undefined;
}

interface Comparison extends Likeness {
  readonly key: string;
}

async function compare({
  session,
  model,
  objects,
  texts,
  key,
  signal,
  onCacheTrouble,
}: Comparison): Promise<Compared> {
  const { asked, perturbations, cell_types } = texts;
  const cache = embeddingCache(objects, model.name, onCacheTrouble);
  const wanted = [
    ...new Set([asked.perturbation, asked.cell_type, ...perturbations, ...cell_types]),
  ].filter((text) => text.trim() !== "");
  const vectors = await cache.read(wanted, signal);
  const missing = wanted.filter((text) => !vectors.has(text));
  checkPayable(session, model, missing);
  let usage: ModelUsage = { tokens: 0, usd: 0 };
  for (let start = 0; start < missing.length; start += TEXTS_A_CALL) {
    const batch = missing.slice(start, start + TEXTS_A_CALL);
    const paid = usage;
    const reply = await model
      .embed(batch, {
        key: `${key}/${start}`,
        timeout_ms: session.limits.timeout_ms,
        signal,
        onWait: session.onWait,
      })
      .catch((thrown: unknown) => {
        session.add(paid);
        throw thrown;
      });
    usage = { tokens: usage.tokens + reply.usage.tokens, usd: usage.usd + reply.usage.usd };
    const parsed = vectorsSchema.safeParse(reply.vectors);
    const problem = parsed.success
      ? problemOf(parsed.data, batch.length, [...vectors.values()][0]?.length)
      : "has values that are no numbers";
    if (problem !== null)
      return {
        usage,
        problem: `The embedding model ${model.name} sent vectors that cannot be compared: the answer ${problem}.`,
      };
    const fresh = batch.map((text, i) => [text, parsed.data![i]!] as const);
    await cache.write(fresh, signal);
    for (const [text, vector] of fresh) vectors.set(text, vector);
  }
  const near = (to: string, others: readonly string[]): EmbeddedLikeness["perturbations"] =>
    others.flatMap((text) => {
      const [x, y] = [vectors.get(to), vectors.get(text)];
      return x === undefined || y === undefined ? [] : [[text, cosine(x, y)] as const];
    });
  return {
    usage,
    likeness: {
      model: model.name,
      perturbations: near(asked.perturbation, perturbations),
      cell_types: near(asked.cell_type, cell_types),
    },
  };
}

function problemOf(vectors: Vectors, count: number, known: number | undefined): string | null {
  const length = known ?? vectors[0]?.length;
  if (vectors.length !== count) return `has ${vectors.length} vectors for ${count} texts`;
  if (vectors.some((vector) => vector.length !== length)) return "has vectors of different lengths";
  return vectors.some((vector) => vector.every((value) => value === 0))
    ? "has a vector of zeros"
    : null;
}

/** Errors: MODEL_LIMIT. */
function checkPayable(
  { left }: Session,
  { name, price }: EmbeddingModel,
  texts: readonly string[],
): void {
  const tokens = texts.reduce((sum, text) => sum + text.length / CHARACTERS_A_TOKEN, 0);
  const spendable = left();
  if (tokens > 0 && (tokens > spendable.tokens || (tokens * price) / 1_000_000 > spendable.usd)) {
    throw new HaystackError(
      "MODEL_LIMIT",
      `The run may spend ${Math.max(0, spendable.tokens)} more tokens and $${Math.max(0, spendable.usd).toFixed(4)}, too little for the embeddings of ${name}; raise the limits to go on with them.`,
    );
  }
}

/** Cosine of the angle between two vectors of one length, -1 to 1. */
function cosine(x: readonly number[], y: readonly number[]): number {
  const dot = (a: readonly number[], b: readonly number[]): number =>
    a.reduce((sum, value, i) => sum + value * b[i]!, 0);
  return dot(x, y) / (Math.sqrt(dot(x, x)) * Math.sqrt(dot(y, y)));
}
