import type { CellGroup, Covariates } from "../atlas/atlas-index.ts";
import { amountsOf, nearestAmount } from "../query/nearest-amount.ts";
import type { StructuredQuery } from "../query/structured-query.ts";
import { isAskedPerturbation } from "./retrieval.ts";
import type { LocatedGroup, Proposal } from "./retrieval.ts";

const AMOUNTS = ["dose", "time"] as const satisfies readonly (keyof Covariates)[];

/**
 * Of the groups of the asked perturbation those at the dose and time nearest to the asked ones, in
 * each data set and cell type; all of them where the question names none or nothing can be compared.
 */
export function atAskedAmounts(
  query: StructuredQuery,
  located: readonly LocatedGroup[],
): LocatedGroup[] {
  return AMOUNTS.reduce<LocatedGroup[]>(
    (left, name) => {
      const asked = query[name];
      if (asked === null) return left;
      const families = Map.groupBy(left, ({ group }) => familyOf(group));
      return left.filter(({ group }) => {
        if (!isAskedPerturbation(query, group)) return true;
        const family = (families.get(familyOf(group)) ?? []).map((each) => each.group);
        const nearest = nearestAmount(asked, amountsOf(family, name));
        return nearest === null || group.covariates?.[name] === nearest;
      });
    },
    [...located],
  );
}

/** The proposals saying at which dose and time their cells are, or what is pooled. */
export function withAmounts(proposals: readonly Proposal[]): Proposal[] {
  const families = Map.groupBy(proposals, ({ group }) => familyOf(group));
  return proposals.map((proposal) => {
    const family = (families.get(familyOf(proposal.group)) ?? []).map(({ group }) => group);
    const said = AMOUNTS.flatMap((name) => {
      const [first, ...more] = amountsOf(family, name);
      if (first === undefined) return [];
      return more.length === 0
        ? [`${name} ${first}`]
        : [`${name}s pooled: ${[first, ...more].join(", ")}`];
    });
    said.push(
      ...conditionsOf(family).map(({ column, values }) => `${column} pooled: ${values.join(", ")}`),
    );
    return said.length === 0
      ? proposal
      : { ...proposal, because: `${proposal.because} (${said.join("; ")})` };
  });
}

/** What else was done to some of the cells and not to others, by the column that says it. */
export function conditionsOf(
  groups: readonly CellGroup[],
): { readonly column: string; readonly values: readonly string[] }[] {
  const columns = new Set(
    groups.flatMap(({ other_conditions = {} }) => Object.keys(other_conditions)),
  );
  return [...columns].flatMap((column) => {
    const values = [...new Set(groups.flatMap((group) => group.other_conditions?.[column] ?? []))];
    return values.length < 2 ? [] : [{ column, values: values.toSorted() }];
  });
}

function familyOf({ dataset, cell_type, perturbation }: CellGroup): string {
  return JSON.stringify([dataset, cell_type, perturbation]);
}
