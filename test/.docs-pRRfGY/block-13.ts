process.chdir("/work/wt/mt/test/.docs-pRRfGY");
import { Generator, rand } from 'torchstone';

const generator = new Generator({ algorithm: 'mt19937' }).manualSeed(1);
const state = generator.getState();
const first = rand([5], { generator });
generator.setState(state);
console.log(rand([5], { generator }).equal(first), state.shape); // true [ 5056 ]

export {};
