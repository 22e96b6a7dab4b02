// Rows of `--suite cuda` and their required ratios. The rows are those of the CPU table; training steps also run as
// captured graphs.
import * as engine from 'torchstone';
import type { EngineTensor } from '../common/bind.js';
import { cpuRows, type Mode } from './cpu-rows.js';
import { epochOf, lineOf } from './notebook-rows.js';
import type { RowPlan } from './plan.js';

const POINTWISE_AND_REDUCTIONS =
  /^cpu\/sweep\/(add|add-row|sub|mul|div|maximum|lt|neg|abs|square|sqrt|exp|log|log1p|pow|sin|tanh|sigmoid|erf|relu|gelu|silu|clamp|where|sum|sum-rows|sum-columns|mean-rows|amax-rows|argmax-rows|var-rows|logsumexp-rows)\/10000000@/;

/** What a row of the CPU's table must reach against PyTorch on the same card; other rows are not raced. */
function requiredOf(id: string): number | undefined {
  if (/^cpu\/T3\//.test(id)) return 1;
  if (/^cpu\/matmul\/(256|512|1024|2048|4096)@/.test(id)) return 1;
  return POINTWISE_AND_REDUCTIONS.test(id) ? 0.8 : undefined;
}

const GRAPH_RATIO = 2;
/** What the geometric mean of the sweep must reach. */
export const CUDA_MEAN_RATIO = 1;
const WARM_STEPS = 3;

/** A step that reads `x`, drawn afresh outside the graph: a replay repeats what was captured, its numbers too. */
function graphed(x: EngineTensor, once: (x: EngineTensor) => void): () => void {
  // The first steps make what later ones keep: gradients to add to.
  for (let i = 0; i < WARM_STEPS; i += 1) once(x);
  const graph = engine.cuda.graph(() => once(x));
  return () => {
    x.normal_();
    graph.replay();
  };
}

/** The same row with its step as a graph. */
function withGraph(plan: RowPlan, stepOf: () => () => void): RowPlan {
  return {
    ...plan,
    id: `${plan.id}-graph`,
    label: `${plan.label}, as a graph`,
    required: GRAPH_RATIO,
    prepare: (inputs) => ({ ...plan.prepare(inputs), step: stepOf() }),
  };
}

function trainingRows(plans: readonly RowPlan[]): RowPlan[] {
  const find = (id: string): RowPlan[] => plans.filter((plan) => plan.id === id);
  const [stepK, stepL] = [find('cpu/K'), find('cpu/L')];
  const eager = [...stepK, ...stepL].map(({ required: _, ...plan }) => plan);
  return [
    ...eager,
    ...stepK.map((plan) => withGraph(plan, () => graphed(engine.randn([20, 1]), lineOf().once))),
    ...stepL.map((plan) =>
      withGraph(plan, () => {
        const n = plan.size!;
        return graphed(engine.randn([n]), epochOf(engine.randn([n])));
      }),
    ),
  ];
}

/** All rows of a run on a card, in the order of the table. */
export function cudaRows(mode: Mode): RowPlan[] {
  const plans = cpuRows(mode);
  const raced = plans.flatMap((plan): RowPlan[] => {
    const required = requiredOf(plan.id);
    return required === undefined ? [] : [{ ...plan, required }];
  });
  // The steps first: where the time on a card is short, they are what is wanted most.
  return [...trainingRows(plans), ...raced].map((plan) => ({
    ...plan,
    id: plan.id.replace(/^cpu/, 'cuda'),
    group: plan.group.replace(/^cpu/, 'cuda'),
  }));
}
