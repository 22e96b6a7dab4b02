import 'file:///work/wt/faults-af/engine/index.ts';
import { ops, rewire } from 'file:///work/wt/faults-af/engine/registry/define.ts';

