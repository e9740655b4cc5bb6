/**
 * Port: heavy computation off the event loop. `Tasks` maps a task name to a function of one
 * JSON-or-typed-array argument.
 */
// oxlint-disable-next-line typescript/no-explicit-any -- any function of one argument fits; callers see the exact type by name
export type TaskMap = Record<string, (input: any) => Promise<unknown>>;

export interface Compute<Tasks extends TaskMap> {
  /**
   * Runs the task in a process of its own. Typed errors keep their code. Aborting kills the
   * process: STEP_ABORTED.
   */
  run<Name extends keyof Tasks & string>(
    name: Name,
    input: Parameters<Tasks[Name]>[0],
    signal?: AbortSignal,
  ): Promise<Awaited<ReturnType<Tasks[Name]>>>;
  close(): Promise<void>;
}
