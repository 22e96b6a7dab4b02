// Shape arithmetic for suites: sizes, contiguous strides, coordinates.

/** How many elements a shape has. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, one) => product * one, 1);
}

/** The strides of a row-major array; an empty dim steps as one of one element does. */
export function contiguousStrides(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let dim = shape.length - 1; dim >= 0; dim -= 1) {
    strides[dim] = step;
    step *= Math.max(1, shape[dim]!);
  }
  return strides;
}

/** The index of a flat position. */
export function unravel(flat: number, shape: readonly number[]): number[] {
  const index: number[] = [];
  let rest = flat;
  for (let dim = shape.length - 1; dim >= 0; dim -= 1) {
    index.unshift(rest % shape[dim]!);
    rest = Math.floor(rest / shape[dim]!);
  }
  return index;
}
