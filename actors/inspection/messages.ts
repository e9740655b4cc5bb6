import type { AnyActorRef, InspectionEvent, StateValue } from "xstate";
import { inferenceJobMachine } from "../../machines/inference-job.ts";
import { runMachine } from "../../machines/run.ts";
import { stopJobsMachine } from "../../machines/stop-jobs.ts";
import { sanitise } from "./sanitise.ts";

/**
 * Actors, events and snapshots in the form of Stately's inspection protocol (@statelyai/inspect),
 * contexts and events sanitised. An actor's session is its path: `{run_id}`,
 * `{run_id}/predictionJob`, so it is the same after a restart and in a replay.
 */
export interface InspectedState {
  readonly status: "active" | "done" | "error" | "stopped";
  readonly value?: StateValue;
  readonly context?: Record<string, unknown>;
}

interface MessageBase {
  readonly sessionId: string;
  /** The run. */
  readonly rootId: string;
  readonly createdAt: string;
  readonly id: string;
  readonly _version: string;
}

export type InspectionMessage = MessageBase &
  (
    | {
        readonly type: "@xstate.actor";
        readonly name: string;
        readonly snapshot: InspectedState;
        readonly definition: string;
        readonly parentId: string | undefined;
      }
    | {
        readonly type: "@xstate.event";
        readonly event: { readonly type: string };
        readonly sourceId: string | undefined;
      }
    | {
        readonly type: "@xstate.snapshot";
        readonly event: { readonly type: string };
        readonly snapshot: InspectedState;
      }
  );

/** Of the protocol that the messages follow. */
const PROTOCOL_VERSION = "0.7.2";

const functionsByName = (_: string, value: unknown): unknown =>
  typeof value === "function" ? { type: value.name } : value;
const definitionOf = (config: object): string => JSON.stringify(config, functionsByName);

const RUN_DEFINITION = definitionOf(runMachine.config);
const INFERENCE_JOB_DEFINITION = definitionOf(inferenceJobMachine.config);
const DEFINITIONS: Readonly<Record<string, string>> = {
  predictionJob: INFERENCE_JOB_DEFINITION,
  controlJob: INFERENCE_JOB_DEFINITION,
  roundJob: INFERENCE_JOB_DEFINITION,
  stopJobs: definitionOf(stopJobsMachine.config),
};

export interface Messages {
  actor(path: readonly string[], snapshot: InspectedState, at: number): InspectionMessage;
  event(
    path: readonly string[],
    event: { readonly type: string },
    source: readonly string[] | undefined,
    at: number,
  ): InspectionMessage;
  snapshot(
    path: readonly string[],
    event: { readonly type: string },
    snapshot: InspectedState,
    at: number,
  ): InspectionMessage;
}

/**
 * Messages about one run. `path` names the actor below it: [] is the run itself, ["predictionJob"]
 * a child.
 */
export function messagesOf(runId: string): Messages {
  let count = 0;
  const session = (path: readonly string[]): string => [runId, ...path].join("/");
  const base = (path: readonly string[], at: number): MessageBase => ({
    sessionId: session(path),
    rootId: runId,
    createdAt: String(at),
    id: `${runId}.${++count}`,
    _version: PROTOCOL_VERSION,
  });
  return {
    actor: (path, snapshot, at) => ({
      ...base(path, at),
      type: "@xstate.actor",
      name: path.at(-1) ?? runId,
      snapshot,
      definition:
        path.length === 0
          ? RUN_DEFINITION
          : (DEFINITIONS[path.at(-1) ?? ""] ?? JSON.stringify({ id: path.at(-1) })),
      parentId: path.length === 0 ? undefined : session(path.slice(0, -1)),
    }),
    event: (path, event, source, at) => ({
      ...base(path, at),
      type: "@xstate.event",
      event,
      sourceId: source === undefined ? undefined : session(source),
    }),
    snapshot: (path, event, snapshot, at) => ({
      ...base(path, at),
      type: "@xstate.snapshot",
      event,
      snapshot,
    }),
  };
}

interface LiveSnapshot {
  readonly status: InspectedState["status"];
  readonly value?: StateValue;
  readonly context?: object;
}

/** A step has no state of its own: what it was given and gave stays untold. */
function stateOf(snapshot: unknown): InspectedState {
  const { status, value, context } = (snapshot ?? { status: "active" }) as LiveSnapshot;
  return { status, ...(value === undefined ? {} : { value, context: sanitise(context ?? {}) }) };
}

/** The names under which it and those above it were invoked; empty for the run itself. */
export function pathOf(actor: AnyActorRef): string[] {
  const parent = actor._parent;
  return parent === undefined ? [] : [...pathOf(parent), actor.id];
}

const eventOf = (event: { readonly type: string }): { readonly type: string } => ({
  ...sanitise(event),
  type: event.type,
});

/** An actor and everything below it, as they are at this moment. */
export function announcement(
  messages: Messages,
  actor: AnyActorRef,
  at: number,
): InspectionMessage[] {
  const snapshot = actor.getSnapshot() as {
    readonly children?: Readonly<Record<string, AnyActorRef | undefined>>;
  };
  const children = Object.values(snapshot.children ?? {}).flatMap((child) =>
    child === undefined ? [] : announcement(messages, child, at),
  );
  return [messages.actor(pathOf(actor), stateOf(snapshot), at), ...children];
}

/**
 * What XState tells its inspectors, as a message; undefined for the details of a transition, which
 * the protocol has no word for.
 */
export function translate(
  messages: Messages,
  told: InspectionEvent,
  at: number,
): InspectionMessage | undefined {
  const actor = told.actorRef as AnyActorRef;
  if (told.type === "@xstate.actor") return messages.actor(pathOf(actor), { status: "active" }, at);
  if (told.type === "@xstate.event")
    return messages.event(
      pathOf(actor),
      eventOf(told.event),
      told.sourceRef === undefined ? undefined : pathOf(told.sourceRef as AnyActorRef),
      at,
    );
  if (told.type === "@xstate.snapshot")
    return messages.snapshot(pathOf(actor), eventOf(told.event), stateOf(told.snapshot), at);
  return undefined;
}
