import fc from "fast-check";
import { expect, test } from "vitest";
import { chooseAdmissions } from "../../actors/supervisor/admission.ts";

const load = (
  user_email: string,
  active: number,
  queued: number,
  queued_since = "2026-01-01T00:00:00.000Z",
) => ({ user_email, active, queued, queued_since });

test("a user with 500 runs does not starve the next", () => {
  const admitted = chooseAdmissions(
    [
      load("many", 0, 500, "2026-01-01T00:00:00.000Z"),
      load("few", 0, 2, "2026-01-02T00:00:00.000Z"),
    ],
    { maxActive: 4, maxActivePerUser: 4 },
  );
  expect(admitted).toEqual(["many", "few", "many", "few"]);
});

test("the limit of a user holds while places are free", () => {
  expect(chooseAdmissions([load("a", 1, 9)], { maxActive: 10, maxActivePerUser: 2 })).toEqual([
    "a",
  ]);
});

test("property: limits are kept, no place stays free that someone may take, and nobody gets ahead by more than one", () => {
  const loads = fc
    .array(fc.record({ active: fc.nat(5), queued: fc.nat(20) }), { maxLength: 8 })
    .map((users) => users.map(({ active, queued }, index) => load(`u${index}`, active, queued)));
  fc.assert(
    fc.property(
      loads,
      fc.integer({ min: 1, max: 30 }),
      fc.integer({ min: 1, max: 6 }),
      (users, maxActive, maxActivePerUser) => {
        const admitted = chooseAdmissions(users, { maxActive, maxActivePerUser });
        const after = users.map((user) => ({
          ...user,
          gained: admitted.filter((name) => name === user.user_email).length,
        }));
        const active = after.reduce((sum, user) => sum + user.active + user.gained, 0);
        if (admitted.length > 0) expect(active).toBeLessThanOrEqual(maxActive);
        for (const user of after) {
          if (user.gained > 0)
            expect(user.active + user.gained).toBeLessThanOrEqual(maxActivePerUser);
          expect(user.gained).toBeLessThanOrEqual(user.queued);
        }
        const couldTake = after.filter(
          (user) => user.queued > user.gained && user.active + user.gained < maxActivePerUser,
        );
        if (active < maxActive) expect(couldTake).toEqual([]);
        for (const waiting of couldTake)
          for (const other of after)
            if (other.gained > 0)
              expect(other.active + other.gained).toBeLessThanOrEqual(
                waiting.active + waiting.gained + 1,
              );
      },
    ),
  );
});
