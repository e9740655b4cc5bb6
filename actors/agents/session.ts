import { HaystackError, toHaystackError, type ErrorCode } from "../../errors.ts";
import type {
  CallOptions,
  LanguageModel,
  ModelUsage,
} from "../../services/language-model/index.ts";
import type { StepContext } from "../host/step.ts";
import { journalOf, type Journal, type JournalPorts, type StepKey } from "./journalled.ts";

/** Tokens and money are limits of a run, turns of a question, time of a call. */
export interface ModelLimits {
  readonly max_turns: number;
  readonly max_tokens: number;
  readonly max_usd: number;
  readonly timeout_ms: number;
}

export interface AgentModel {
  readonly model: LanguageModel;
  readonly limits: ModelLimits;
}

/** One step's dealings with the model: what it may spend, what it spent, what is on record. */
export interface Session extends AgentModel, Journal {
  /** Told when the model makes the step wait. */
  readonly onWait: NonNullable<CallOptions["onWait"]>;
  add(usage: ModelUsage): void;
  /** Of this step, calls read back from the journal included. */
  usage(): ModelUsage;
  /** What the run may still spend. */
  left(): ModelUsage;
}

interface ModelStep {
  /** By the run before this step. */
  readonly spent?: ModelUsage | undefined;
  readonly waits: StepContext["waits"] | undefined;
}

interface ModelPorts extends JournalPorts {
  readonly model?: AgentModel;
}

/**
 * Does a step's work, with the model where there is one, and says what it used of it, also when it
 * fails.
 */
export async function withModel<Output extends object>(
  { model, ...ports }: ModelPorts,
  key: StepKey,
  { spent, waits }: ModelStep,
  work: (session: Session | null) => Promise<Output>,
): Promise<Output & { readonly usage?: ModelUsage }> {
  if (model === undefined) return work(null);
  const session: Session = {
    ...openSession(model, ports, key, spent ?? { tokens: 0, usd: 0 }),
    onWait: (wait) => waits?.(wait === null ? null : { code: "MODEL_UNAVAILABLE", ...wait }),
  };
  try {
    return { ...(await work(session)), usage: session.usage() };
  } catch (thrown) {
    const { code, message, details } = toHaystackError(thrown);
    throw new HaystackError(code, message, {
      details: {
        ...details,
        model_usage: {
          step: key.step === "analyze" ? key.step : `${key.step}.${key.iteration}`,
          ...session.usage(),
        },
      },
      cause: thrown,
    });
  }
}

function openSession(
  { model, limits }: AgentModel,
  ports: JournalPorts,
  key: StepKey,
  spent: ModelUsage,
): Omit<Session, "onWait"> {
  let used: ModelUsage = { tokens: 0, usd: 0 };
  return {
    model,
    limits,
    ...journalOf(ports, key, "model"),
    add: ({ tokens, usd }) => {
      used = { tokens: used.tokens + tokens, usd: used.usd + usd };
    },
    usage: () => used,
    left: () => ({
      tokens: limits.max_tokens - spent.tokens - used.tokens,
      usd: limits.max_usd - spent.usd - used.usd,
    }),
  };
}

const FAILURES: ReadonlySet<ErrorCode> = new Set([
  "MODEL_REFUSED",
  "MODEL_OUTPUT_INVALID",
  "MODEL_LIMIT",
  "MODEL_UNAVAILABLE",
  "MODEL_RETIRED",
]);

/** The model's result, or in one sentence why it gave none; every other failure is the step's. */
export async function orProblem<Result>(
  work: Promise<Result>,
): Promise<{ readonly result: Result } | { readonly problem: string }> {
  try {
    return { result: await work };
  } catch (thrown) {
    if (thrown instanceof HaystackError && FAILURES.has(thrown.code))
      return { problem: `${thrown.code}: ${thrown.message}` };
    throw thrown;
  }
}
