process.chdir("/work/wt/optim/test/.docs-aTniBR");
import { tensor } from 'torchstone';

const a = tensor([[1, 2], [3, 4], [5, 6]]);
a.at(':', 1);             // column 1: a view, no copy
a.at('1:', 0);            // column 0 without its first row
a.at(1, 1).item();        // 4
a.at(a.gt(2));            // a boolean mask: a copy
a.setAt([':', 0], 9);     // writes

export {};
