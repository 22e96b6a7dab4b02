// Python's side of optimizers: names in state dicts.
//   pythonName('expAvgSq') // 'exp_avg_sq'
import { camelCase } from '../core/options.js';

/** Python's spelling of a name: `weightDecay` is `weight_decay`, `TMax` is `T_max`. */
export function pythonName(name: string): string {
  return name === 'T0' ? 'T_0' : name.replace(/(?!^)[A-Z]/g, (c) => `_${c.toLowerCase()}`);
}
/** Our spelling of a name in a state dict. */
export const ownName = camelCase;
