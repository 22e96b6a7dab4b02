process.chdir("/work/wt/mt/test/.docs-pRRfGY");
import { Generator, manualSeed, rand, randn, randperm, setDefaultGenerator } from 'torchstone';

setDefaultGenerator(new Generator({ algorithm: 'mt19937' }));
manualSeed(0); // torch.manual_seed(0)
console.log(String(rand([3]))); // tensor([0.4963, 0.7682, 0.0885])
console.log(String(randn([4]))); // tensor([0.3643, 0.1344, 0.1642, 0.3058])
console.log(String(randperm(7)));

export {};
