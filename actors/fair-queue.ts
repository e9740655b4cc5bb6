import pLimit from "p-limit";

/** Work that waits for its turn, a bounded number at a time. */
export interface FairQueue {
  /**
   * Does the work when it is its turn; whoever has work waiting has a turn before anybody has two.
   * Work that has not begun when the queue is cleared is never done, and answers "never".
   */
  add<Result>(whose: string, work: () => Promise<Result>): Promise<Result | "never">;
  /** Nothing more begins. */
  clear(): void;
}

export function createFairQueue(atATime: number): FairQueue {
  const limit = pLimit(atATime);
  /** In the order of their turns. */
  const waiting = new Map<string, { begin: () => Promise<void>; drop: () => void }[]>();
  let cleared = false;

  const next = async (): Promise<void> => {
    const [whose, tasks] = waiting.entries().next().value ?? [];
    if (whose === undefined || tasks === undefined) return;
    waiting.delete(whose);
    const task = tasks.shift();
    if (tasks.length > 0) waiting.set(whose, tasks);
    await task?.begin();
  };

  return {
    add<Result>(whose: string, work: () => Promise<Result>) {
      if (cleared) return Promise.resolve("never" as const);
      const done = Promise.withResolvers<Result | "never">();
      const task = {
        begin: () => work().then(done.resolve, done.reject),
        drop: () => done.resolve("never"),
      };
      const before = waiting.get(whose);
      if (before === undefined) waiting.set(whose, [task]);
      else before.push(task);
      void limit(next);
      return done.promise;
    },
    clear() {
      cleared = true;
      for (const tasks of waiting.values()) for (const { drop } of tasks) drop();
      waiting.clear();
    },
  };
}
