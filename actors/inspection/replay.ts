import type { StateValue } from "xstate";
import type { TransitionEntry } from "../../services/runs/index.ts";
import { messagesOf, type InspectionMessage } from "./messages.ts";

/**
 * The state that the transition log writes as text:
 * `inferring.separate.prediction.predicting|control.ready` is nested and parallel. Regions are
 * equally deep; what the first has before that is the state they are in.
 */
export function stateValue(text: string): StateValue {
  const [first = "", ...others] = text.split("|");
  const path = first.split(".");
  const depth = others.length === 0 ? 1 : (others.at(-1) ?? "").split(".").length;
  const regions = [path.slice(-depth), ...others.map((other) => other.split("."))].map(nested);
  const inner: StateValue =
    others.length === 0 ? (path.at(-1) ?? "") : (Object.assign({}, ...regions) as StateValue);
  return path.slice(0, -depth).reduceRight<StateValue>((value, key) => ({ [key]: value }), inner);
}

const nested = (path: readonly string[]): StateValue =>
  path.slice(0, -1).reduceRight<StateValue>((value, key) => ({ [key]: value }), path.at(-1) ?? "");

const FINAL: ReadonlySet<string> = new Set([
  "run completed",
  "run cancelled",
  "child succeeded",
  "child failed",
  "child stopped",
]);

const isFinal = (actor: string, state: string): boolean =>
  FINAL.has(`${actor === "run" ? "run" : "child"} ${state}`);

/**
 * What an inspector would have been told of a run, from its committed history. Contexts of the past
 * are not kept.
 */
export function replay(runId: string, history: readonly TransitionEntry[]): InspectionMessage[] {
  const messages = messagesOf(runId);
  const known = new Set<string>();
  const begin = history[0]?.at ?? 0;
  const state = (actor: string, text: string) => ({
    status: isFinal(actor, text) ? ("done" as const) : ("active" as const),
    value: stateValue(text),
    context: {},
  });
  return [
    messages.actor([], state("run", "queued"), begin),
    ...history.flatMap(({ actor, event, from, to, at }) => {
      const path = actor === "run" ? [] : actor.split(".");
      const appears = path.length > 0 && (from === "" || !known.has(actor));
      known.add(actor);
      return [
        ...(appears ? [messages.actor(path, state(actor, from === "" ? to : from), at)] : []),
        messages.event(path, { type: event }, undefined, at),
        messages.snapshot(path, { type: event }, state(actor, to), at),
      ];
    }),
  ];
}
