// Totals of conformance cases that are no ops: modules, optimizers, schedulers.
import type { CaseResult } from './cases.js';

/** PyTorch's classes beside its ops, by the start of a case's id. */
const PROGRAMS = { modules: 'nn.', optimizers: 'optim.', schedulers: 'lr_scheduler.' } as const;
export type ProgramKind = keyof typeof PROGRAMS;

/** How many classes of each kind pass in all their cases. Cases of ops have columns; these have none. */
export function programTotals(
  cases: readonly CaseResult[],
): { readonly kind: ProgramKind; readonly passing: number; readonly of: number }[] {
  return (Object.entries(PROGRAMS) as [ProgramKind, string][]).flatMap(([kind, start]) => {
    const names = new Map<string, boolean>();
    for (const one of cases) {
      if (one.columns !== undefined || !one.id.startsWith(start)) continue;
      const name = one.id.slice(0, one.id.lastIndexOf('@'));
      names.set(name, (names.get(name) ?? true) && one.status === 'pass');
    }
    const passing = [...names.values()].filter(Boolean).length;
    return names.size === 0 ? [] : [{ kind, passing, of: names.size }];
  });
}
