/** Light and dark by the reader's own setting; no font is loaded from anywhere. */
export const labStyle = `:root { color-scheme: light dark; --ink: #1c2430; --soft: #556070; --paper: #fbfaf7; --line: #d8d5cc; --card: #fff; --link: #0b5394;
  --taken: #9b1c1c; --taken-bg: #fdecea; --held: #1d5e35; --held-bg: #e8f4ec; --note-bg: #f2efe6; }
@media (prefers-color-scheme: dark) { :root { --ink: #e7e9ee; --soft: #a7b0be; --paper: #14171c; --line: #353b45; --card: #1c2027; --link: #8ab8f0;
  --taken: #ffb4ab; --taken-bg: #3b1a1a; --held: #9fdcb5; --held-bg: #16301f; --note-bg: #20252d; } }
* { box-sizing: border-box; }
html { scroll-padding-top: 1rem; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 17px/1.6 Charter, 'Bitstream Charter', 'Source Serif 4', Georgia, serif; }
main { max-width: 76rem; margin: 0 auto; padding: 3rem 1.5rem 5rem; }
h1 { font-size: 2.5rem; line-height: 1.15; margin: 0 0 1rem; letter-spacing: -0.01em; max-width: 50rem; text-wrap: balance; }
h2 { font-size: 1.45rem; line-height: 1.25; margin: 3rem 0 0.6rem; }
h3 { font-size: 1.1rem; line-height: 1.3; margin: 2rem 0 0.4rem; }
p, main > ol { max-width: 46rem; }
code { font: 0.86em ui-monospace, Menlo, monospace; overflow-wrap: anywhere; }
.lead { font-size: 1.25rem; line-height: 1.5; color: var(--soft); margin-bottom: 1.6rem; }
.lead b { color: var(--ink); }
.number { font: 600 0.85rem/1.4 system-ui, sans-serif; color: var(--soft); margin: 0 0 0.4rem; }
a { color: var(--link); }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; border-radius: 3px; }
.skip { position: absolute; left: 1rem; top: -4rem; background: var(--card); padding: 0.5rem 1rem; z-index: 2; }
.skip:focus { top: 0.5rem; }
.for-readers { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }

.top { border-bottom: 1px solid var(--line); font: 15px/1.5 system-ui, sans-serif; }
.top nav { max-width: 76rem; margin: 0 auto; padding: 0.7rem 1.5rem; display: flex; justify-content: space-between; align-items: baseline; gap: 1rem; position: relative; }
.home { font-weight: 650; color: var(--ink); text-decoration: none; }
.top details { border: 0; padding: 0; }
.top ul { position: absolute; z-index: 1; right: 1.5rem; top: 2.6rem; margin: 0; padding: 0.5rem; list-style: none; background: var(--card); border: 1px solid var(--line); border-radius: 10px; box-shadow: 0 8px 24px rgb(0 0 0 / 0.18); }
.top li a { display: block; padding: 0.35rem 0.8rem; border-radius: 6px; color: var(--ink); text-decoration: none; }
.top li a:hover { background: var(--note-bg); }
.top [aria-current] { font-weight: 650; }
.onward { display: grid; grid-template-columns: 1fr 1fr; gap: 1rem; margin-top: 4rem; border-top: 1px solid var(--line); padding-top: 1.5rem; }
.onward a { text-decoration: none; font-weight: 600; }
.onward a:last-child { text-align: right; }
.onward small { display: block; font: 0.85rem system-ui, sans-serif; color: var(--soft); }

.tour { list-style: none; padding: 0; margin: 1.2rem 0; max-width: none; display: grid; gap: 0.8rem; grid-template-columns: repeat(auto-fill, minmax(17rem, 1fr)); }
.tour a { display: block; height: 100%; background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 0.9rem 1.1rem; text-decoration: none; color: var(--ink); }
.tour a:hover { border-color: var(--link); }
.tour b { display: block; font-size: 1.08rem; line-height: 1.3; margin-bottom: 0.3rem; }
.tour span { display: block; font-size: 0.92rem; line-height: 1.45; color: var(--soft); }
.tour .other-half { background: var(--note-bg); border-style: dashed; }
.apps { list-style: none; padding: 0; margin: 2rem 0; display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(13rem, 1fr)); }
.apps li { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 1rem 1.1rem; display: flex; flex-direction: column; }
.apps h3 { margin: 0; }
.apps p { margin: 0.4rem 0 0.9rem; }
.apps .words { flex: 1; font-size: 0.88rem; line-height: 1.5; }
.apps form { margin-top: auto; display: flex; flex-wrap: wrap; gap: 0.5rem; }

button { font: 500 0.92rem/1.4 system-ui, sans-serif; padding: 0.4rem 0.85rem; border-radius: 7px; border: 1px solid var(--ink); background: var(--card); color: var(--ink); cursor: pointer; }
button:hover, button.primary { background: var(--ink); color: var(--paper); }
button.danger { border-color: var(--taken); color: var(--taken); }
button.danger:hover { background: var(--taken); color: var(--paper); }
form { display: inline; }
.row { display: inline-flex; flex-wrap: wrap; gap: 0.5rem; vertical-align: middle; }

.wide { overflow-x: auto; margin: 1.2rem 0; }
table { border-collapse: separate; border-spacing: 3px; font: 14px/1.45 system-ui, sans-serif; margin: 0 -3px; }
.wide table { min-width: 40rem; }
th { text-align: left; padding: 0.6rem 0.7rem; vertical-align: bottom; font-weight: 600; }
tbody th { vertical-align: top; max-width: 16rem; }
td { padding: 0.6rem 0.7rem; vertical-align: top; border-radius: 6px; background: var(--card); }
.taken { background: var(--taken-bg); color: var(--taken); }
td.taken, span.taken { font-weight: 600; }
.held { background: var(--held-bg); color: var(--held); }
td a { color: inherit; }
td.open { color: var(--soft); border: 1px dashed var(--line); background: none; }
p.open { color: var(--soft); border: 1px dashed var(--line); border-radius: 10px; padding: 1rem; }
span.taken { padding: 0 0.35rem; border-radius: 4px; }
.chosen th { border-left: 4px solid var(--link); }
.mark { display: block; font-weight: 500; color: var(--link); }
.trials { width: 100%; table-layout: fixed; max-width: 46rem; margin: 1.4rem -3px; }
.trials caption { text-align: left; padding: 0 0.7rem 0.2rem 0.7rem; color: var(--soft); }
.trials th { width: 45%; max-width: none; }
.trials tbody th { font-weight: 500; }
.trials details { border: 0; padding: 0; font-weight: 400; }
.trials summary { font-size: 0.85rem; opacity: 0.9; }
.trials pre { margin: 0.4rem 0; padding: 0.6rem; color: var(--ink); font-size: 12px; max-height: 16rem; }
pre { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 1rem; overflow: auto; max-height: 26rem; font: 13px/1.5 ui-monospace, Menlo, monospace; white-space: pre-wrap; overflow-wrap: anywhere; }
pre mark { display: inline-block; padding: 0 0.3rem; margin: 0 -0.3rem; border-radius: 4px; font-weight: 600; }
.diff { max-height: 34rem; }
.diff del, .diff ins { display: inline-block; width: 100%; text-decoration: none; }
.diff del { background: var(--taken-bg); color: var(--taken); }
.diff ins { background: var(--held-bg); color: var(--held); }
details { border-bottom: 1px solid var(--line); padding: 0.4rem 0; }
summary { cursor: pointer; }
#not-yet { display: none; }
#not-yet:target { display: block; border-left: 4px solid var(--taken); padding: 0.5rem 1rem; background: var(--card); }
details:target { background: var(--card); }

.try { max-width: 46rem; background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 1rem 1.3rem; margin: 1.2rem 0; }
.try ol { margin: 0.4rem 0 0; padding-left: 1.3rem; }
.try li { margin: 0.35rem 0; }
.try.off { border-color: var(--taken); }
.setting { margin: 0; font: 600 0.9rem system-ui, sans-serif; color: var(--soft); }
.try.off .setting { color: var(--taken); }
.lesson { border-left: 4px solid var(--held); padding: 0.1rem 0 0.1rem 1.1rem; margin: 1.5rem 0; }
.honest { max-width: 46rem; background: var(--note-bg); border-radius: 10px; padding: 1rem 1.3rem; }
.honest h2 { font-size: 1.05rem; margin: 0 0 0.3rem; }
.honest p { margin: 0; font-size: 0.95rem; }
.sides { display: grid; gap: 1.2rem; grid-template-columns: repeat(auto-fit, minmax(20rem, 1fr)); }
.sides h2 { margin-top: 1rem; }
ol.parts { padding: 0; max-width: none; list-style: none; counter-reset: part; }
.parts > li { counter-increment: part; border-top: 1px solid var(--line); margin-top: 3rem; }
.parts > li > h2::before { content: counter(part) '. '; }
.parts > li > h2 { margin-top: 1.6rem; }
.switch ul { list-style: none; padding: 3px; margin: 1.2rem 0 0; display: inline-flex; flex-wrap: wrap; gap: 3px; background: var(--note-bg); border: 1px solid var(--line); border-radius: 9px; font: 500 0.92rem/1.4 system-ui, sans-serif; }
.switch a { display: block; padding: 0.35rem 0.9rem; border-radius: 6px; color: var(--ink); text-decoration: none; }
.switch a:hover { background: var(--card); }
.switch [aria-current] { background: var(--taken); color: var(--paper); font-weight: 650; }
.switch li:first-child [aria-current] { background: var(--held); }

.questions { display: block; max-width: 46rem; }
fieldset { border: 1px solid var(--line); border-radius: 10px; background: var(--card); margin: 0 0 1rem; padding: 0.4rem 1.2rem 0.9rem; }
legend { float: left; width: 100%; font-weight: 650; line-height: 1.35; padding: 0; margin: 0.5rem 0 0.4rem; }
label { clear: both; display: flex; align-items: baseline; gap: 0.6rem; padding: 0.15rem 0; }
input[type=radio] { accent-color: var(--link); margin: 0; flex: none; }
.advice { border-top: 3px solid var(--held); margin-top: 3rem; padding-top: 1.4rem; }
.advice h2 { font-size: 2rem; margin-top: 0; }
.reasons { max-width: 46rem; padding-left: 1.2rem; }
.reasons li { margin: 0.5rem 0; }
.section { color: var(--soft); font: 0.85rem system-ui, sans-serif; white-space: nowrap; }

.bank, .lure { max-width: 40rem; padding-top: 4rem; }
.where { font: 0.95rem system-ui, sans-serif; color: var(--soft); }
.bank #account { font-size: 1.25rem; background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 0.9rem 1.2rem; }
.buttons { display: flex; flex-wrap: wrap; gap: 0.5rem; }
.lure { border-top: 6px solid var(--taken); }
.lure .honest { margin-top: 2.5rem; }
@media (max-width: 40rem) { h1 { font-size: 1.9rem; } main { padding-top: 2rem; } }
`
