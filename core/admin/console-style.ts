/** Of the console: system fonts, the reader's own light or dark. */
export const style = `
:root {
  color-scheme: light dark;
  --ground: #f6f7f5; --card: #fff; --ink: #1d2321; --faint: #68726e; --line: #dfe3e0;
  --good: #1c7c4a; --odd: #9a6700; --bad: #b3261e; --hold: #0b6b78;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #131716; --card: #1b201f; --ink: #e6ebe8; --faint: #93a09a; --line: #2c3331;
    --good: #58c58a; --odd: #e0b04c; --bad: #f2857c; --hold: #5cc1d0;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 15px/1.45 system-ui, sans-serif; }
header { display: flex; flex-wrap: wrap; align-items: baseline; gap: .2rem 1rem; padding: 1rem clamp(1rem, 4vw, 2.5rem); border-bottom: 1px solid var(--line); background: var(--card); }
h1 { margin: 0; font-size: 1.25rem; letter-spacing: -.01em; }
h2 { margin: 0 0 .6rem; font-size: 1rem; }
#state { margin: 0; color: var(--faint); overflow-wrap: anywhere; }
#state::before { content: ''; display: inline-block; width: .6em; height: .6em; margin-right: .45em; border-radius: 50%; background: var(--odd); }
#state.up::before { background: var(--good); }
#state.down::before { background: var(--bad); }
nav { margin-left: auto; display: flex; gap: 1rem; }
a { color: var(--hold); }
main { display: grid; gap: 1.8rem; max-width: 76rem; margin: 0 auto; padding: 1.4rem clamp(1rem, 4vw, 2.5rem) 3rem; }
main > * { min-width: 0; }
#facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(7.5rem, 1fr)); gap: .6rem; margin: 0; }
#facts div { padding: .6rem .8rem; background: var(--card); border: 1px solid var(--line); border-radius: .6rem; overflow-wrap: anywhere; }
dt { color: var(--faint); font-size: .8rem; }
dd { margin: 0; font-size: 1.15rem; font-variant-numeric: tabular-nums; }
.tools { display: flex; gap: .5rem; margin-bottom: .6rem; }
input, button { font: inherit; color: inherit; background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .4rem .7rem; min-height: 2.5rem; }
input { flex: 1; min-width: 0; }
button { cursor: pointer; min-width: 6rem; }
:focus-visible { outline: 2px solid var(--hold); outline-offset: 2px; }
#requests { list-style: none; margin: 0; padding: 0; display: grid; gap: .35rem; }
#requests li { background: var(--card); border: 1px solid var(--line); border-left: 4px solid var(--good); border-radius: .5rem; }
#requests li.odd { border-left-color: var(--odd); }
#requests li.bad { border-left-color: var(--bad); }
summary { display: grid; grid-template-columns: 3rem 4.2rem minmax(0, 1fr) auto; gap: .1rem .7rem; padding: .45rem .7rem; cursor: pointer; font-variant-numeric: tabular-nums; }
summary::-webkit-details-marker { display: none; }
.path { overflow-wrap: anywhere; font-family: ui-monospace, monospace; font-size: .88rem; align-self: center; }
.way, .ms, #quiet, .more, .id, small { color: var(--faint); font-size: .85rem; }
.way { grid-column: 3 / -1; overflow-wrap: anywhere; }
.status { font-weight: 600; }
.odd .status { color: var(--odd); }
.bad .status { color: var(--bad); }
.stages { margin: 0; padding: .2rem .7rem .6rem; list-style: none; display: grid; gap: .2rem; font-size: .85rem; }
.stages li { display: grid; grid-template-columns: minmax(6rem, 10rem) 5.5rem minmax(0, 1fr); gap: .6rem; align-items: baseline; border: 0 !important; background: none !important; }
.stages span:nth-child(2) { text-align: right; font-variant-numeric: tabular-nums; }
.stages span:nth-child(3) { overflow-wrap: anywhere; color: var(--faint); }
.id { padding: 0 .7rem .5rem; margin: 0; font-family: ui-monospace, monospace; overflow-wrap: anywhere; }
.wide { overflow-x: auto; background: var(--card); border: 1px solid var(--line); border-radius: .6rem; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { text-align: left; padding: .4rem .8rem; border-top: 1px solid var(--line); white-space: nowrap; vertical-align: top; }
th { border-top: 0; color: var(--faint); font-weight: 500; }
td.name, td.path, td.to { white-space: normal; overflow-wrap: anywhere; }
td.path { min-width: 11rem; }
small { display: block; font-family: system-ui, sans-serif; }
@media (max-width: 34rem) {
  nav { margin-left: 0; width: 100%; }
  summary { grid-template-columns: 2.6rem 3.6rem minmax(0, 1fr); }
  thead { position: absolute; clip-path: inset(50%); width: 1px; height: 1px; overflow: hidden; }
  tr { display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: 0 .8rem; padding: .45rem .8rem; border-top: 1px solid var(--line); }
  tr:first-child { border-top: 0; }
  th, td { border: 0; padding: 0; }
  td.path, td.to { grid-column: 1 / -1; }
  td.to::before { content: '→ '; }
  td.auth { grid-column: 2; grid-row: 1; }
  td.auth, td.to { color: var(--faint); font-size: .85rem; }
  .ms { grid-column: 1 / 3; grid-row: 2; }
  .way { grid-column: 3; }
  .stages li { grid-template-columns: minmax(0, 1fr) auto; gap: 0 .6rem; }
  .stages span:nth-child(3) { grid-column: 1 / -1; }
}
`
