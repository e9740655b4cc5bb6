import type { Config } from "../../config.ts";

export interface Finding {
  readonly state: "ok" | "advice" | "problem";
  /** What there is, or what is wrong and what to do. */
  readonly finding: string;
}

/** Looks at one part for real. What it throws is a problem. */
export type Check = (config: Config, signal: AbortSignal) => Promise<Finding>;

export const ok = (finding: string): Finding => ({ state: "ok", finding });
export const advice = (finding: string): Finding => ({ state: "advice", finding });
export const problem = (finding: string): Finding => ({ state: "problem", finding });
