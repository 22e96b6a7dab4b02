process.chdir("/work/wt/optim/test/.docs-aTniBR");
import { fromNumpy, loadNpy, saveNpy } from 'torchstone';

const data = new Float64Array([1, 2, 3, 4]);
const t = fromNumpy({ data, shape: [2, 2] });   // shares memory: a write on either side shows on the other
t.mul_(10);
console.log(data[0]);                           // 10

saveNpy('t.npy', t);
console.log(String(loadNpy('t.npy')));

export {};
