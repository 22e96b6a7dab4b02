process.chdir("/work/wt/mt/test/.docs-pRRfGY");
import { manualSeed, rand } from 'torchstone';

manualSeed(0);
const first = rand([3]);
manualSeed(0);
console.log(rand([3]).equal(first)); // true

export {};
