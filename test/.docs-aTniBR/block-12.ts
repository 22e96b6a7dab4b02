process.chdir("/work/wt/optim/test/.docs-aTniBR");
import { noGrad, optim, type Tensor, tensor } from 'torchstone';

const holding = (w: Tensor) => ({ w, parameters: () => [w] });
const model = holding(tensor([0], { dtype: 'float64', requiresGrad: true }));
const multiAvgFn = optim.swaUtils.getEmaMultiAvgFn(0.5);
const copy = ({ w }: typeof model) => holding(w.detach().clone());
const averaged = new optim.swaUtils.AveragedModel(model, { multiAvgFn, copy });
for (const value of [1, 3]) {
  noGrad(() => model.w.fill_(value));
  averaged.updateParameters(model);
}
console.log(averaged.module.w.item()); // 2

export {};
