import type { EvidenceRow, GroundingComponent, GroundingComponentName } from "./grounding.ts";

/** What a component finds: its strength from 0 to 1, or null when it cannot be measured. */
export interface Finding {
  readonly name: GroundingComponentName;
  readonly strength: number | null;
  readonly reason: string;
  readonly evidence: readonly EvidenceRow[];
  readonly feedback: readonly string[];
}

export function unmeasured(name: GroundingComponentName, reason: string): Finding {
  return { name, strength: null, reason, evidence: [], feedback: [] };
}

export function clamp01(value: number): number {
  return Math.min(1, Math.max(0, value));
}

/** Strength 0 to 1 on the scale of scores, 1 to 10, with one decimal. */
export function componentScore(strength: number): number {
  return Math.round((1 + 9 * clamp01(strength)) * 10) / 10;
}

/** The weighted sum of the measured components, before it is rounded. */
export const compositeOf = (components: readonly GroundingComponent[]): number =>
  components.reduce((sum, { score, weight }) => sum + (score ?? 0) * weight, 0);

export const clampScore = (value: number): number => Math.min(10, Math.max(1, Math.round(value)));
