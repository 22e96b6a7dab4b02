process.chdir("/work/wt/mt/test/.docs-pRRfGY");
import { Generator, randn } from 'torchstone';

const generator = new Generator({ algorithm: 'mt19937' }).manualSeed(42);
console.log(String(randn([2, 2], { generator })));

export {};
