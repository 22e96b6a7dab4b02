// The public namespace `nn`: modules, layers, containers, initial values and utilities, as torch.nn.
import { nn } from '../generated/functions.js';

export * from './containers.js';
export * as init from './init.js';
export * from './layers/index.js';
export { Module, type Removable, type ToOptions } from './module.js';
export { Parameter, UninitializedParameter } from './parameter.js';
export type { LoadResult, LoadStateDictOptions, StateDict } from './state-dict.js';
export * as utils from './utils/index.js';
/** torch.nn.functional */
export const functional = nn.functional;
