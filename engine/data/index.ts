// torch.utils.data: datasets, samplers and loaders, as the namespace `data`.

export type { DataLoaderState } from './_epoch.js';
export type { DataLoaderOptions } from './_options.js';
export { type Collated, type Converted, defaultCollate, defaultConvert } from './collate.js';
export { DataLoader } from './data-loader.js';
export {
  ChainDataset,
  ConcatDataset,
  Dataset,
  type DatasetLike,
  IterableDataset,
  type MapSource,
  type Sized,
  StackDataset,
  Subset,
  TensorDataset,
} from './dataset.js';
export { DistributedSampler, type DistributedSamplerOptions } from './distributed-sampler.js';
export { type RandomSplitOptions, randomSplit } from './random-split.js';
export {
  BatchSampler,
  RandomSampler,
  type RandomSamplerOptions,
  Sampler,
  SequentialSampler,
  SubsetRandomSampler,
  type SubsetRandomSamplerOptions,
  WeightedRandomSampler,
  type WeightedRandomSamplerOptions,
} from './sampler.js';
