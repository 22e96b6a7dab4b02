// Gradient checks as results of a run.
import { type CaseResult, figure } from '../../reports/schema/index.js';
import type { GradcheckReport, JacobianEntry, Kind, Verdict } from './report.js';

/** What a case result is made of. */
export interface Outcome {
  readonly id: string;
  readonly op?: string;
  readonly report: GradcheckReport;
  readonly seconds: number;
  readonly replay: string;
}

/** A report as a case result, with what forward mode and the second order came to. */
export function toCaseResult({ id, op, report, seconds, replay }: Outcome): CaseResult {
  const parts = [report.forward, report.second].filter((one) => one !== undefined);
  const short = parts.find((one) => one.verdict !== 'pass');
  const told = short ?? report;
  const worst = told.worst ?? report.worst;
  const curve = told.curve ?? report.curve;
  const status = statusOf(report.verdict);
  return {
    id,
    ...(op !== undefined ? { op } : {}),
    suite: 'gradcheck',
    status,
    ...(status === 'fail' ? { message: op === undefined ? report.message : `${op}: ${report.message}` } : {}),
    ...(status === 'inconclusive' ? { reason: report.message } : {}),
    seconds,
    compared: [report, ...parts].reduce((sum, one) => sum + one.compared, 0),
    checks: {
      // Where a part failed, the gradient itself had held.
      gradcheck: short ? 'pass' : status,
      ...(report.forward ? { 'forward mode': statusOf(report.forward.verdict) } : {}),
      ...(report.second ? { gradgradcheck: statusOf(report.second.verdict) } : {}),
    },
    ...(worst ? { worst: worstOf(worst, told.kind) } : {}),
    ...(curve ? { curve } : {}),
    replay,
  };
}

/** A result has no word for a kink: like all that is undecided, it is no pass. */
function statusOf(verdict: Verdict): 'pass' | 'fail' | 'inconclusive' {
  return verdict === 'kink' ? 'inconclusive' : verdict;
}

const KINDS: Readonly<Record<Kind, string>> = {
  gradient: 'Jacobian entry',
  second: 'second Jacobian entry',
  forward: 'forward derivative',
};

function worstOf(worst: JacobianEntry, kind: Kind): NonNullable<CaseResult['worst']> {
  return {
    what: `${KINDS[kind]}: in${worst.input ?? '*'}[${worst.inputIndex.join(', ')}] of out${worst.output ?? '*'}`,
    index: [...worst.outputIndex],
    got: figure(worst.analytic),
    want: figure(worst.numeric),
    abs: figure(Math.abs(worst.analytic - worst.numeric)),
    tolerance: `${worst.allowed.toExponential(2)}, numeric ± ${worst.uncertainty.toExponential(2)}`,
  };
}
