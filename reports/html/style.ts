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

header { padding-top: 34px; }
.brand { margin-top: 14px; display: flex; justify-content: space-between; gap: 16px; flex-wrap: wrap; color: var(--soft); font-size: 13px; }
.brand b { color: var(--ink); letter-spacing: 0.01em; } .brand b::before { content: ""; display: inline-block; width: 9px; height: 9px; margin-right: 8px; background: var(--ours); border-radius: 50% 50% 50% 0; transform: rotate(135deg); }
h1 { margin: 6px 0 22px; font-size: 22px; line-height: 1.45; font-weight: 600; letter-spacing: -0.012em; max-width: 52em; text-wrap: pretty; }
h1 .rest { font-weight: 400; color: var(--soft); } h1 .word { padding: 1px 9px 2px; border-radius: 6px; margin-right: 3px; }
.held .word { background: var(--good-wash); color: var(--good); } .short .word { background: var(--bad-wash); color: var(--bad); }
.stopped .word, .partial .word { background: var(--warn-wash); color: var(--warn); }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(200px, 1fr)); gap: 12px; padding: 0; margin: 0 0 6px; list-style: none; }
.cards li { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 13px 16px 12px; }
.cards .name { font-size: 13px; color: var(--soft); display: flex; justify-content: space-between; align-items: baseline; gap: 8px; }
.cards .big { font-size: 22px; font-weight: 600; letter-spacing: -0.01em; font-variant-numeric: tabular-nums; line-height: 1.4; }
.cards .small { font-size: 13px; color: var(--soft); }
.state { font-size: 12px; font-weight: 600; white-space: nowrap; } .state.pass { color: var(--good); } .state.fail { color: var(--bad); } .state.error, .state.skip, .state.inconclusive { color: var(--warn); }

nav { position: sticky; top: 0; z-index: 2; background: color-mix(in srgb, var(--paper) 92%, transparent); backdrop-filter: blur(6px); border-bottom: 1px solid var(--line); margin-top: 20px; }
nav ul { max-width: 1120px; margin: 0 auto; padding: 0 28px; display: flex; gap: 22px; list-style: none; overflow-x: auto; scrollbar-width: none; }
nav a { display: block; padding: 11px 0 10px; color: var(--soft); text-decoration: none; font-size: 14px; white-space: nowrap; } nav a:hover { color: var(--ink); }
nav .alarm a { color: var(--bad); font-weight: 600; }
h2 + .panel, h2 + .charts { margin-top: 12px; } section { padding: 30px 0 6px; scroll-margin-top: 34px; }
h2 { font-size: 18px; margin: 0 0 4px; letter-spacing: -0.008em; font-weight: 600; } h3 { font-size: 14px; margin: 22px 0 6px; font-weight: 600; }
.lead { margin: 0 0 14px; color: var(--soft); max-width: 72ch; text-wrap: pretty; }
.panel > h3:first-child { margin-top: 0; } .panel { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 16px 18px; margin: 0 0 14px; }

.scroll { overflow-x: auto; position: relative; } table { border-collapse: collapse; width: 100%; font-size: 13.5px; }
th, td { text-align: right; padding: 6px 10px; border-bottom: 1px solid var(--line); font-variant-numeric: tabular-nums; vertical-align: middle; font-weight: 400; }
th:first-child, td:first-child { text-align: left; padding-left: 0; } th:last-child, td:last-child { padding-right: 0; }
thead th { color: var(--soft); font-size: 12.5px; white-space: nowrap; } tbody tr:last-child > * { border-bottom: 0; } td.text { text-align: left; }
tbody th { overflow-wrap: anywhere; } .figures td { white-space: nowrap; } .figures th:first-child { min-width: 180px; } .figures th:last-child, .figures td:last-child { text-align: left; }
details { margin-top: 10px; } summary { cursor: pointer; color: var(--soft); font-size: 13.5px; padding: 3px 0; width: fit-content; } summary:hover { color: var(--ink); } details[open] > summary { margin-bottom: 8px; }

.failure { border-left: 3px solid var(--bad); } .failure.inconclusive, .failure.error { border-left-color: var(--warn); }
.failure h3 { margin: 0 0 4px; display: flex; gap: 12px; justify-content: space-between; align-items: baseline; overflow-wrap: anywhere; } .failure p { margin: 4px 0; }
.failure .why { white-space: pre-wrap; overflow-wrap: anywhere; }
.more { margin: 2px 0 0; color: var(--soft); font-size: 12.5px; white-space: pre-wrap; overflow-wrap: anywhere; } .compare { display: flex; flex-wrap: wrap; gap: 4px 32px; margin: 10px 0 8px; } .compare div { display: flex; flex-direction: column; } .compare dt, .facts dt { color: var(--soft); font-size: 12.5px; } .compare dd { margin: 0; font-family: var(--mono); font-size: 13px; overflow-wrap: anywhere; }
.replay { background: var(--faint); border-radius: 6px; padding: 7px 11px; margin: 8px 0 0; overflow-x: auto; font-size: 12.5px; user-select: all; }

.cells { display: grid; grid-template-columns: repeat(auto-fill, minmax(250px, 1fr)); gap: 8px; list-style: none; padding: 0; margin: 0; }
.cells li { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 9px 13px; display: flex; gap: 11px; align-items: baseline; min-width: 0; }
.cells .letter { font: 600 15px var(--mono); color: var(--soft); } .cells .what { flex: 1; min-width: 0; overflow-wrap: anywhere; font-size: 13.5px; }
.cells .fail { border-color: var(--bad); } .tick { font-weight: 700; } .tick.pass { color: var(--good); } .tick.fail { color: var(--bad); } .tick.skip, .tick.inconclusive, .tick.error { color: var(--warn); } .tick.none { color: var(--soft); font-weight: 400; opacity: .55; }

.key { display: flex; flex-wrap: wrap; gap: 4px 22px; font-size: 13px; color: var(--soft); margin: 0 0 10px; padding: 0; list-style: none; } .key svg { width: 22px; height: 12px; vertical-align: -1px; margin-right: 6px; overflow: visible; }
svg text { fill: var(--soft); font: 11.5px system-ui, -apple-system, "Segoe UI", Roboto, Arial, sans-serif; font-variant-numeric: tabular-nums; }
.c-ours { --c: var(--ours); } .c-numpy { --c: var(--numpy); } .c-torch { --c: var(--torch); } .c-build { --c: var(--numpy); }
.mark { fill: var(--c); stroke: var(--c); stroke-width: 1.6; } .mark.hollow { fill: var(--card); } .span { stroke: var(--c); stroke-width: 2; opacity: .55; } .curve { fill: none; stroke: var(--c); stroke-width: 2; stroke-linejoin: round; }
.grid { stroke: var(--line); stroke-width: 1; } .one { stroke: var(--soft); stroke-width: 1.2; } .axis { stroke: var(--soft); stroke-width: 1; } .need { stroke: var(--ink); stroke-width: 1.5; stroke-dasharray: 2 2; }
.forest { table-layout: fixed; } .forest th, .forest td { padding-top: 2px; padding-bottom: 2px; } .forest .plot { width: 42%; padding: 0 14px; } .forest .plot svg { display: block; width: 100%; height: 38px; overflow: visible; } .forest thead .plot svg { height: 20px; } .forest .plot svg svg { width: 1px; height: 1px; }
.forest thead th:first-child { width: 25%; } .forest td.time { width: 11%; } .forest td { line-height: 1.3; } .forest tbody + tbody tr:first-child > * { border-top: 1px solid var(--soft); } .forest .who { display: none; } .forest .ref { color: var(--soft); font-size: 12px; display: block; white-space: nowrap; } .forest b { font-weight: 600; white-space: nowrap; }
b.faster { color: var(--good); } b.slower { color: var(--bad); } b.same, b.inconclusive { color: var(--soft); } .forest .miss { color: var(--bad); }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(320px, 1fr)); gap: 14px; } .charts .panel { margin: 0; padding: 13px 15px 10px; min-width: 0; } .charts h3 { margin: 0 0 4px; } .charts svg { display: block; width: 100%; height: auto; }
.bars { display: grid; grid-template-columns: max-content 1fr max-content; gap: 7px 14px; align-items: center; font-size: 13.5px; margin: 0; } .bar { background: var(--faint); border-radius: 4px; height: 13px; display: flex; overflow: hidden; } .bar i { display: block; height: 100%; } .bar .pass { background: var(--good); opacity: .8; } .bar .fail { background: var(--bad); } .bar .inconclusive { background: var(--warn); }
.bar.limit { position: relative; } .bar .used { background: var(--ours); border-radius: 4px; } .bar .over { background: var(--bad); }
.matrix { font-size: 12.5px; width: auto; } .matrix th, .matrix td { padding: 2px 9px; text-align: center; } .matrix tbody th { font-family: var(--mono); text-align: left; position: sticky; left: 0; background: var(--card); white-space: nowrap; } .matrix thead th:first-child { text-align: left; } .matrix tbody tr:hover > * { background: var(--faint); }
.kills td { white-space: nowrap; } .kills th:last-child, .kills td:last-child { text-align: left; white-space: normal; min-width: 260px; }
.facts { display: grid; grid-template-columns: repeat(auto-fill, minmax(230px, 1fr)); gap: 12px 26px; margin: 0; } .facts dd { margin: 0; overflow-wrap: anywhere; }
.notes { margin: 14px 0 0; padding-left: 18px; color: var(--soft); }
footer { color: var(--soft); font-size: 13px; padding: 26px 28px 48px; display: flex; gap: 18px; flex-wrap: wrap; }

@media (max-width: 720px) {
  main, header, footer { padding-left: 16px; padding-right: 16px; } nav ul { padding: 0 16px; gap: 18px; } header { padding-top: 20px; } h1 { font-size: 18px; margin: 4px 0 16px; }
  .cards { grid-template-columns: 1fr 1fr; gap: 8px; } .cards li { padding: 10px 12px; } .cards .big { font-size: 18px; } .panel { padding: 13px 13px; } section { padding-top: 24px; }
  .cards .name { flex-direction: column; gap: 0; } .bars { grid-template-columns: minmax(0, 1fr) max-content; grid-auto-flow: row dense; } .bars .bar { grid-column: 1 / -1; margin-bottom: 6px; }
  .forest, .forest tbody { display: block; } .forest thead { display: block; } .forest thead th:not(.plot) { display: none; } .forest tr { display: grid; grid-template-columns: 1fr 1fr 1fr; gap: 0 8px; padding: 8px 0 6px; border-bottom: 1px solid var(--line); } .forest thead tr { padding: 0; border: 0; }
  .forest tr > * { border: 0; padding: 0; text-align: left; } .forest tbody th { grid-column: 1 / 3; } .forest td.time { text-align: right; } .forest tbody + tbody tr:first-child > * { border-top: 1px solid var(--soft); } .forest .who { display: inline; } .forest .plot { grid-column: 1 / -1; width: auto; padding: 0 10px; } .forest td.time { width: auto; } .charts { grid-template-columns: 1fr; }
}
@media print {
  :root { --paper: #fff; --card: #fff; } body { font-size: 11pt; } nav, .skip { display: none; } main, header, footer { max-width: none; padding: 0; } .failure, .cards li, .cells li, .charts .panel, tr { break-inside: avoid; } h2, h3 { break-after: avoid; }
  .scroll { overflow: visible; } details::details-content { content-visibility: visible; block-size: auto; } * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
`;
