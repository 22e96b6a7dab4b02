// Entries that cannot apply, each with its reason. An entry listed here that passes fails the run.

/** Entry (or glob of entries) → why there is nothing to hold it against. */
export const INAPPLICABLE: Readonly<Record<string, string>> = {
  'jiterator_*': 'compiles CUDA source at run time; PyTorch refuses it without a CUDA device',
  to_sparse: 'gives a sparse tensor; this engine has strided tensors only',
  'sparse.sampled_addmm': 'takes a sparse CSR tensor; this engine has strided tensors only',
  'sparse.mm/reduce': 'takes a sparse CSR tensor; this engine has strided tensors only',
};
