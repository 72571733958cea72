import { createHash } from 'node:crypto'
import { escapeHtml } from './web.ts'

/** Coatcheck's own pages: one look, no script, nothing from elsewhere, light and dark. */
export function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${escapeHtml(title)}</title>
<style>${style}</style>
</head>
<body><main>
${body}
</main></body>
</html>
`
}

const style = `
:root{color-scheme:light dark;--ink:#1c1f26;--dim:#5b6270;--ground:#f5f6f8;--card:#fff;--line:#e1e4ea;--link:#1d4ed8}
@media(prefers-color-scheme:dark){:root{--ink:#eceef2;--dim:#9aa1ae;--ground:#14161a;--card:#1d2026;--line:#30343d;--link:#8ab4ff}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:grid;place-items:center;background:var(--ground);color:var(--ink);font:16px/1.55 system-ui,sans-serif}
main{width:min(32rem,calc(100% - 2rem));padding:2rem;background:var(--card);border:1px solid var(--line);border-radius:12px}
h1{margin:0 0 .5rem;font-size:1.3rem;line-height:1.3}
p{margin:.75rem 0}
a{color:var(--link)}
.button{display:inline-block;padding:.5rem 1rem;margin-right:.75rem;border-radius:8px;background:var(--link);color:var(--card);text-decoration:none}
.small{color:var(--dim);font-size:.85rem;overflow-wrap:anywhere}
`

/** The policy of these pages: nothing but their one style sheet, by its hash. */
export const pageSecurityPolicy = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'`
