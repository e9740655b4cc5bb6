import type { AnyActorRef, Subscription } from "xstate";
import { toHaystackError, type HaystackError } from "../../errors.ts";
import type { Clock } from "../../services/clock/index.ts";
import { announcement, messagesOf, translate, type InspectionMessage } from "./messages.ts";

/**
 * Lets others look at the live machines.
 *
 * Owns: which runs are live here, and who looks.
 * 1. An observer is attached to a machine only while somebody looks at it: nobody looking costs a
 *    machine nothing.
 * 2. Who begins to look is told of each live run with its present state, and from that moment on of
 *    everything it does; nothing in between is missed.
 * 3. Whatever goes wrong for a viewer ends its view and harms no machine.
 */
export interface Inspection {
  /** The machine of a run lives here from now on. */
  opened(runId: string, actor: AnyActorRef): void;
  closed(runId: string, actor: AnyActorRef): void;
  /** Begins to look at one run, or at all. The answer ends it. */
  attach(viewer: Viewer, runId?: string): () => void;
  /** How many look. */
  viewers(): number;
}

export interface Viewer {
  send(message: InspectionMessage): void;
  /**
   * Resolves when the viewer can take another run that was live before; rejects when it is gone.
   */
  room(): Promise<void>;
}

export function createInspection(
  clock: Pick<Clock, "now">,
  onTrouble: (error: HaystackError) => void,
): Inspection {
  const live = new Map<string, AnyActorRef>();
  const openedListeners = new Set<(runId: string, actor: AnyActorRef) => void>();
  const closedListeners = new Set<(runId: string) => void>();

  return {
    viewers: () => openedListeners.size,
    opened(runId, actor) {
      live.set(runId, actor);
      for (const listener of openedListeners) listener(runId, actor);
    },
    closed(runId, actor) {
      if (live.get(runId) !== actor) return;
      live.delete(runId);
      for (const listener of closedListeners) listener(runId);
    },
    attach(viewer, only) {
      const attached = new Map<string, Subscription>();
      const detachRun = (runId: string): void => {
        attached.get(runId)?.unsubscribe();
        attached.delete(runId);
      };
      const guarded = (notify: () => void): void => {
        try {
          notify();
        } catch (thrown) {
          detach();
          onTrouble(toHaystackError(thrown));
        }
      };
      const show = (runId: string, actor: AnyActorRef): void => {
        if (!isLooking || (only !== undefined && runId !== only)) return;
        detachRun(runId);
        const messages = messagesOf(runId);
        attached.set(
          runId,
          actor.system.inspect((told) => {
            guarded(() => {
              const message = translate(messages, told, clock.now());
              if (message !== undefined) viewer.send(message);
            });
          }),
        );
        guarded(() =>
          announcement(messages, actor, clock.now()).forEach((message) => viewer.send(message)),
        );
      };
      let isLooking = true;
      const showLive = async (): Promise<void> => {
        for (const runId of live.keys()) {
          if (only === undefined) await viewer.room();
          const actor = live.get(runId);
          if (actor !== undefined && !attached.has(runId)) show(runId, actor);
        }
      };
      openedListeners.add(show);
      closedListeners.add(detachRun);
      const detach = (): void => {
        isLooking = false;
        openedListeners.delete(show);
        closedListeners.delete(detachRun);
        for (const runId of attached.keys()) detachRun(runId);
      };
      showLive().catch(detach);
      return detach;
    },
  };
}
