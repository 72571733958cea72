/** Light and dark by the reader's own setting; no font is loaded from anywhere. */
export const labStyle = `:root { color-scheme: light dark; --ink: #1c2430; --soft: #556070; --paper: #fbfaf7; --line: #d8d5cc; --card: #fff; --link: #0b5394;
  --taken: #9b1c1c; --taken-bg: #fdecea; --held: #1d5e35; --held-bg: #e8f4ec; }
@media (prefers-color-scheme: dark) { :root { --ink: #e7e9ee; --soft: #a7b0be; --paper: #14171c; --line: #353b45; --card: #1c2027; --link: #8ab8f0;
  --taken: #ffb4ab; --taken-bg: #3b1a1a; --held: #9fdcb5; --held-bg: #16301f; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 17px/1.6 Charter, 'Bitstream Charter', 'Source Serif 4', Georgia, serif; }
main { max-width: 76rem; margin: 0 auto; padding: 3.5rem 1.5rem 6rem; }
h1 { font-size: 2.5rem; line-height: 1.15; margin: 0 0 1rem; letter-spacing: -0.01em; }
h2 { font-size: 1.4rem; margin: 3rem 0 0.6rem; }
h3 { font-size: 1.05rem; line-height: 1.3; margin: 0; }
p, ol { max-width: 44rem; }
.lead { font-size: 1.25rem; color: var(--soft); }
a { color: var(--link); }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
.apps { list-style: none; padding: 0; margin: 2rem 0; display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(13rem, 1fr)); }
.apps li { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 1rem 1.1rem; display: flex; flex-direction: column; }
.apps p { margin: 0.4rem 0 0.9rem; }
.apps .words { flex: 1; font-size: 0.88rem; line-height: 1.5; }
.left { max-width: 44rem; padding-left: 1.2rem; }
.left li { margin: 0.5rem 0; }
.apps form { margin-top: auto; display: flex; flex-wrap: wrap; gap: 0.5rem; }
button { font: inherit; font-size: 0.9rem; padding: 0.35rem 0.8rem; border-radius: 7px; border: 1px solid var(--ink); background: var(--card); color: var(--ink); cursor: pointer; }
button:hover { background: var(--ink); color: var(--paper); }
.wide { overflow-x: auto; }
table { border-collapse: separate; border-spacing: 3px; font: 14px/1.45 system-ui, sans-serif; min-width: 62rem; margin: 0 -3px; }
th { text-align: left; padding: 0.6rem 0.7rem; vertical-align: bottom; font-weight: 600; }
tbody th { vertical-align: top; max-width: 12rem; }
td { padding: 0.6rem 0.7rem; vertical-align: top; border-radius: 6px; background: var(--card); }
.taken { background: var(--taken-bg); color: var(--taken); font-weight: 600; }
.held { background: var(--held-bg); color: var(--held); }
td a { color: inherit; }
td.open { color: var(--soft); border: 1px dashed var(--line); background: none; }
span.taken { padding: 0 0.35rem; border-radius: 4px; }
pre { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 1rem; overflow: auto; max-height: 26rem; font: 13px/1.5 ui-monospace, Menlo, monospace; white-space: pre-wrap; overflow-wrap: anywhere; }
details { border-bottom: 1px solid var(--line); padding: 0.4rem 0; }
summary { cursor: pointer; }
#not-yet { display: none; }
#not-yet:target { display: block; border-left: 4px solid var(--taken); padding: 0.5rem 1rem; background: var(--card); }
details:target { background: var(--card); }
.for-readers { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
`
