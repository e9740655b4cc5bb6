/**
 * A process that computes may find that something in it can no longer be relied on. It answers what
 * it is asked, and is given nothing more.
 */
let isLast = false;

/** What this process does now is the last that it does. */
export const lastWork = (): void => {
  isLast = true;
};

/** Whether this process must be given no more work. */
export const isSpent = (): boolean => isLast;
