import type { AnyActorScope, AnyEventObject, AnyMachineSnapshot, AnyStateMachine } from "xstate";
import { hostOf } from "../host/step.ts";

/**
 * Has every event that the machine takes told to the host of its run, with the state before and
 * after. XState's inspection tells it too, along with each microstep, action and event; that takes
 * longer than the telling.
 */
export function watched<Machine extends AnyStateMachine>(machine: Machine): Machine {
  const begin = machine.getInitialSnapshot.bind(machine);
  const transition = machine.transition.bind(machine);
  return Object.assign(machine, {
    getInitialSnapshot(scope: AnyActorScope, input?: unknown): AnyMachineSnapshot {
      const snapshot: AnyMachineSnapshot = begin(scope, input);
      hostOf(scope.system)?.moved?.(scope.self, "xstate.init", null, snapshot.value);
      return snapshot;
    },
    transition(
      before: AnyMachineSnapshot,
      event: AnyEventObject,
      scope: AnyActorScope,
    ): AnyMachineSnapshot {
      const after: AnyMachineSnapshot = transition(before, event, scope);
      hostOf(scope.system)?.moved?.(scope.self, event.type, before.value, after.value);
      return after;
    },
  });
}
