// Owns the form in which a gradient check enters the results. It checks nothing.
import { type CaseResult, figure } from '../results.js';
import type { GradcheckReport } from './report.js';

/** What a case result is made of. */
export interface Outcome {
  readonly id: string;
  readonly op?: string;
  readonly report: GradcheckReport;
  readonly seconds: number;
  readonly replay: string;
}

/** A report as a case result, the second order's findings included. */
export function toCaseResult({ id, op, report, seconds, replay }: Outcome): CaseResult {
  const failing = report.second && report.second.verdict !== 'pass' ? report.second : report;
  const worst = failing.worst ?? report.worst;
  return {
    id,
    ...(op !== undefined ? { op } : {}),
    suite: 'gradcheck',
    status: report.verdict,
    ...(report.verdict === 'fail'
      ? { message: op === undefined ? report.message : `${op}: ${report.message}` }
      : {}),
    ...(report.verdict === 'inconclusive' ? { reason: report.message } : {}),
    seconds,
    compared: report.compared + (report.second?.compared ?? 0),
    checks: {
      gradcheck: report.second && report.verdict !== 'pass' ? 'pass' : report.verdict,
      ...(report.second ? { gradgradcheck: report.second.verdict } : {}),
    },
    ...(worst
      ? {
          worst: {
            what: `${failing.order === 2 ? 'second ' : ''}Jacobian entry: in${worst.input ?? '*'}[${worst.inputIndex.join(', ')}] of out${worst.output ?? '*'}`,
            index: [...worst.outputIndex],
            got: figure(worst.analytic),
            want: figure(worst.numeric),
            abs: figure(Math.abs(worst.analytic - worst.numeric)),
            tolerance: `${worst.allowed.toExponential(2)}, numeric ± ${worst.uncertainty.toExponential(2)}`,
          },
        }
      : {}),
    replay,
  };
}
