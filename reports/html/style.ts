// The page's look: one style sheet, light and dark, wide and narrow, on paper. No rule depends on a script.

/** The style sheet. Colours are named once for each scheme; charts take theirs from the same names. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --paper: #faf9f6; --card: #ffffff; --ink: #21201d; --soft: #65615a; --line: #e4e0d8; --faint: #f1eee8;
  --ours: #c2480f; --numpy: #2463a8; --torch: #8a3b95;
  --good: #23703f; --good-wash: #e6f2ea; --bad: #b3261e; --bad-wash: #fbe9e7; --warn: #8a5a00; --warn-wash: #fbf0d9;
  --mono: ui-monospace, "SF Mono", "Cascadia Code", "JetBrains Mono", Menlo, Consolas, monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #161513; --card: #1e1d1a; --ink: #ebe8e1; --soft: #a8a297; --line: #36332d; --faint: #262420;
    --ours: #f08a4b; --numpy: #6aa9ec; --torch: #cf8bd8;
    --good: #6fc48d; --good-wash: #1b2f22; --bad: #f2867d; --bad-wash: #3a1f1c; --warn: #e0b25a; --warn-wash: #342a14;
  }
}
* { box-sizing: border-box; }
html { scroll-behavior: smooth; -webkit-text-size-adjust: 100%; }
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
main, header, footer { max-width: 1120px; margin: 0 auto; padding: 0 28px; }
a { color: inherit; text-decoration-color: var(--soft); text-underline-offset: 3px; }
a:hover { text-decoration-color: currentColor; }
:focus-visible { outline: 2px solid var(--ours); outline-offset: 3px; border-radius: 3px; }
code, pre, .mono { font-family: var(--mono); font-size: 0.9em; }
.skip { position: absolute; left: -999px; } .skip:focus { left: 12px; top: 8px; background: var(--card); padding: 6px 12px; z-index: 3; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.soft { color: var(--soft); } .num { font-variant-numeric: tabular-nums; white-space: nowrap; }

header { padding-top: 22px; }
.brand { display: flex; justify-content: space-between; gap: 2px 16px; flex-wrap: wrap; color: var(--soft); font-size: 13px; }
.brand b { color: var(--ink); letter-spacing: 0.01em; } .brand b::before { content: ""; display: inline-block; width: 9px; height: 9px; margin-right: 8px; background: var(--ours); border-radius: 50% 50% 50% 0; transform: rotate(135deg); }
h1 { margin: 14px 0 18px; font-size: 21px; line-height: 1.42; font-weight: 600; letter-spacing: -0.012em; text-wrap: pretty; overflow-wrap: anywhere; }
h1 .rest { font-weight: 400; color: var(--soft); font-size: 16px; letter-spacing: 0; } h1 .word { padding: 1px 10px 2px; border-radius: 6px; margin-right: 3px; white-space: nowrap; }
.held .word { background: var(--good-wash); color: var(--good); } .short .word { background: var(--bad-wash); color: var(--bad); }
.stopped .word, .partial .word { background: var(--warn-wash); color: var(--warn); }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(180px, 1fr)); gap: 12px; padding: 0; margin: 0; list-style: none; }
.cards li { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 11px 16px 11px; } .cards .fail { border-color: var(--bad); } .cards .error { border-color: var(--warn); }
.cards .name, .cards .small { font-size: 13px; color: var(--soft); } .cards .small { min-height: 2.9em; line-height: 1.45; }
.cards .big { font-size: 22px; font-weight: 600; letter-spacing: -0.01em; font-variant-numeric: tabular-nums; line-height: 1.4; }
.state { font-size: 12.5px; font-weight: 600; white-space: nowrap; } .state.pass { color: var(--good); } .state.fail { color: var(--bad); } .state.error, .state.skip, .state.inconclusive { color: var(--warn); }
.top { margin-top: 18px; } .top h2 { font-size: 14px; margin: 0 0 4px; } .top h2 a { font-weight: 400; color: var(--soft); } .top ul { list-style: none; margin: 0; padding: 0; }
.top li { display: grid; grid-template-columns: 16px minmax(0, auto) minmax(0, 1fr); gap: 12px; align-items: baseline; padding: 6px 0; border-bottom: 1px solid var(--line); font-size: 14px; } .top li:last-child { border-bottom: 0; }
.top .what { font-weight: 500; overflow-wrap: anywhere; } .top .why { color: var(--soft); white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }

nav { position: sticky; top: 0; z-index: 2; background: color-mix(in srgb, var(--paper) 92%, transparent); backdrop-filter: blur(6px); border-bottom: 1px solid var(--line); margin-top: 20px; }
nav ul { max-width: 1120px; margin: 0 auto; padding: 5px 28px 4px; display: flex; flex-wrap: wrap; gap: 0 20px; list-style: none; }
nav a { display: block; padding: 4px 0; color: var(--soft); text-decoration: none; font-size: 14px; white-space: nowrap; } nav a:hover { color: var(--ink); }
nav .alarm a { color: var(--bad); font-weight: 600; }
h2 + .panel, h2 + .charts { margin-top: 12px; } section { padding: 30px 0 6px; scroll-margin-top: 54px; }
h2 { font-size: 18px; margin: 0 0 4px; letter-spacing: -0.008em; font-weight: 600; } h3 { font-size: 14px; margin: 22px 0 6px; font-weight: 600; }
.lead { margin: 0 0 14px; color: var(--soft); max-width: 72ch; text-wrap: pretty; }
.panel > h3:first-child { margin-top: 0; } .panel { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 16px 18px; margin: 0 0 14px; }

.scroll { overflow-x: auto; position: relative; } table { border-collapse: collapse; width: 100%; font-size: 13.5px; }
th, td { text-align: right; padding: 6px 10px; border-bottom: 1px solid var(--line); font-variant-numeric: tabular-nums; vertical-align: middle; font-weight: 400; }
th:first-child, td:first-child { text-align: left; padding-left: 0; } th:last-child, td:last-child { padding-right: 0; }
thead th { color: var(--soft); font-size: 12.5px; white-space: nowrap; } tbody tr:last-child > * { border-bottom: 0; } td.text { text-align: left; }
tbody th { overflow-wrap: anywhere; } .figures td { white-space: nowrap; } .figures th:first-child { min-width: 180px; } .figures th:last-child, .figures td:last-child { text-align: left; } .limits td { white-space: normal; text-align: left; } .limits th { text-align: left; }
details { margin-top: 10px; } summary { cursor: pointer; color: var(--soft); font-size: 13.5px; padding: 3px 0; width: fit-content; } summary:hover { color: var(--ink); } details[open] > summary { margin-bottom: 8px; }

.failure { border-left: 3px solid var(--bad); } .failure.inconclusive, .failure.error { border-left-color: var(--warn); }
.failure h3 { margin: 0 0 4px; display: flex; gap: 12px; justify-content: space-between; align-items: baseline; overflow-wrap: anywhere; } .failure p { margin: 4px 0; }
.failure .why { white-space: pre-wrap; overflow-wrap: anywhere; }
.more { margin: 2px 0 0; color: var(--soft); font-size: 12.5px; white-space: pre-wrap; overflow-wrap: anywhere; } .compare { display: flex; flex-wrap: wrap; gap: 4px 32px; margin: 10px 0 8px; } .compare div { display: flex; flex-direction: column; } .compare dt, .facts dt { color: var(--soft); font-size: 12.5px; } .compare dd { margin: 0; font-family: var(--mono); font-size: 13px; overflow-wrap: anywhere; }
.replay { background: var(--faint); border-radius: 6px; padding: 7px 11px; margin: 8px 0 0; overflow-x: auto; font-size: 12.5px; user-select: all; }

.cells { display: grid; grid-template-columns: repeat(auto-fill, minmax(250px, 1fr)); gap: 8px; list-style: none; padding: 0; margin: 0; }
.cells li { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 9px 13px; display: flex; gap: 11px; align-items: baseline; min-width: 0; }
.cells .letter { font: 600 15px var(--mono); color: var(--soft); } .cells .what { flex: 1; min-width: 0; overflow-wrap: anywhere; font-size: 13.5px; }
.cells .fail { border-color: var(--bad); } .tick { font-weight: 700; } .tick.pass { color: var(--good); } .tick.fail { color: var(--bad); } .tick.skip, .tick.inconclusive, .tick.error, .tick.slower { color: var(--warn); } .tick.none { color: var(--soft); font-weight: 400; opacity: .55; }

.key { display: flex; flex-wrap: wrap; gap: 4px 20px; font-size: 13px; color: var(--soft); margin: 0 0 10px; padding: 0; list-style: none; } .key svg { vertical-align: -1px; margin-right: 6px; }
.chart { display: block; width: 100%; height: auto; font-variant-numeric: tabular-nums; } .chart.narrow { display: none; }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(320px, 1fr)); gap: 14px; } .charts .panel { margin: 0; padding: 13px 15px 10px; min-width: 0; } .charts h3 { margin: 0 0 4px; } .panel > p { margin: 0 0 4px; font-size: 13px; }
b.slower { color: var(--bad); }
.bars { display: grid; grid-template-columns: max-content 1fr max-content; gap: 7px 14px; align-items: center; font-size: 13.5px; margin: 0; } .bar { background: var(--faint); border-radius: 4px; height: 13px; display: flex; overflow: hidden; } .bar i { display: block; height: 100%; } .bar .pass { background: var(--good); opacity: .8; } .bar .fail { background: var(--bad); } .bar .inconclusive { background: var(--warn); }
.bar.limit { position: relative; } .bar .used { background: var(--ours); border-radius: 4px; } .bar .over { background: var(--bad); }
.matrix { font-size: 12.5px; width: auto; } .matrix th, .matrix td { padding: 2px 9px; text-align: center; } .matrix tbody th { font-family: var(--mono); text-align: left; position: sticky; left: 0; background: var(--card); white-space: nowrap; } .matrix thead th:first-child { text-align: left; } .matrix tbody tr:hover > * { background: var(--faint); }
.kills td { white-space: nowrap; } .kills th:last-child, .kills td:last-child { text-align: left; white-space: normal; min-width: 260px; }
.facts { display: grid; grid-template-columns: repeat(auto-fill, minmax(230px, 1fr)); gap: 12px 26px; margin: 0; } .facts dd { margin: 0; overflow-wrap: anywhere; }
.notes { margin: 14px 0 0; padding-left: 18px; color: var(--soft); }
footer { color: var(--soft); font-size: 13px; padding: 26px 28px 48px; display: flex; gap: 18px; flex-wrap: wrap; }

@media (max-width: 720px) {
  main, header, footer { padding-left: 16px; padding-right: 16px; } nav ul { padding: 5px 16px 4px; gap: 18px; flex-wrap: nowrap; overflow-x: auto; scrollbar-width: none; } header { padding-top: 14px; } h1 { font-size: 17px; line-height: 1.36; margin: 9px 0 11px; } h1 .rest { font-size: 14px; }
  .cards { display: block; border: 1px solid var(--line); border-radius: 10px; background: var(--card); } .cards li { display: grid; grid-template-columns: minmax(0, 1fr) auto 7.6em; gap: 10px; align-items: baseline; background: none; border: 0; border-bottom: 1px solid var(--line); border-radius: 0; padding: 5px 12px; } .cards li:last-child { border-bottom: 0; }
  .cards .name { color: var(--ink); overflow: hidden; text-overflow: ellipsis; white-space: nowrap; } .cards .big { font-size: 14px; line-height: 1.55; } .cards .small { display: none; } .cards .state { text-align: right; }
  .top { margin-top: 12px; } .top li { grid-template-columns: 14px minmax(0, 1fr); gap: 0 8px; padding: 5px 0; font-size: 13.5px; line-height: 1.4; } .top .why { grid-column: 2; } .top .what { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
  .panel { padding: 13px 12px; } section { padding-top: 24px; } .charts { grid-template-columns: minmax(0, 1fr); } .chart.wide { display: none; } .chart.narrow { display: block; }
  .bars { grid-template-columns: minmax(0, 1fr) max-content; grid-auto-flow: row dense; } .bars .bar { grid-column: 1 / -1; margin-bottom: 6px; }
}
@media print {
  :root { --paper: #fff; --card: #fff; } body { font-size: 11pt; } nav, .skip { display: none; } main, header, footer { max-width: none; padding: 0; } .failure, .cards li, .cells li, .charts .panel, tr { break-inside: avoid; } h2, h3 { break-after: avoid; }
  .scroll { overflow: visible; } .cards .small { display: block; } * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
`;
