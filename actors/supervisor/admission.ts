import type { UserLoad } from "../../services/runs/index.ts";

export interface AdmissionLimits {
  readonly maxActive: number;
  readonly maxActivePerUser: number;
}

/**
 * Whose runs to admit next, in order. Each free place goes to the user with the fewest active runs,
 * and among equals to the one who has waited longest: a user with 500 queued runs delays nobody. A
 * user at the limit waits, however many places are free.
 */
export function chooseAdmissions(
  loads: readonly UserLoad[],
  { maxActive, maxActivePerUser }: AdmissionLimits,
): (string | null)[] {
  const users = loads.map((load) => ({ ...load }));
  let free = maxActive - users.reduce((sum, { active }) => sum + active, 0);
  const admitted: (string | null)[] = [];
  while (free > 0) {
    const waiting = users.filter(({ active, queued }) => queued > 0 && active < maxActivePerUser);
    const [first, ...others] = waiting;
    if (first === undefined) break;
    const next = others.reduce(
      (best, user) =>
        user.active < best.active ||
        (user.active === best.active && (user.queued_since ?? "") < (best.queued_since ?? ""))
          ? user
          : best,
      first,
    );
    admitted.push(next.user_email);
    next.active += 1;
    next.queued -= 1;
    free -= 1;
  }
  return admitted;
}
