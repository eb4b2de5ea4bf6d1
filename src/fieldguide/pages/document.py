"""What the pages for people have in common: one file that needs no network, for phone and desktop, light and dark."""

from html import escape


def document(title: str, body: str, style: str = "") -> str:
    """A page with a heading; `body` is HTML in which every strange text is escaped, `style` goes beyond `STYLE`.

    The browser is told to load nothing but the styles and the pictures that stand in the page itself.
    """
    return PAGE.format(title=escape(title), style=STYLE + style, body=body)


PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>{title}</title>
<style>
{style}</style>
</head>
<body>
<h1>{title}</h1>
{body}
</body>
</html>
"""

STYLE = """\
:root { --back: #f6f7f5; --card: #fff; --text: #1d2420; --soft: #5b655f; --line: #dde2de; --bar: #cfe0d5;
  --error: #b3261e; --warning: #8a5a00; --passed: #1e6b3c; }
@media (prefers-color-scheme: dark) {
  :root { --back: #151917; --card: #1e2421; --text: #e6ebe7; --soft: #9da8a1; --line: #323a35;
    --bar: #2f4a3a; --error: #ff8f85; --warning: #f0b95a; --passed: #7fd19f; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 64rem; padding: 2rem 1.25rem 4rem; overflow-wrap: anywhere;
  background: var(--back); color: var(--text); font: 1rem/1.5 system-ui, sans-serif;
  font-variant-numeric: tabular-nums; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: 0 0 1rem; }
h2 { font-size: 1.15rem; margin: 2rem 0 .75rem; }
.error { --tone: var(--error); } .warning { --tone: var(--warning); } .passed { --tone: var(--passed); }
.verdict, dl div, .overview, li { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; }
.verdict { margin: 0; padding: .75rem 1rem; border-left: .3rem solid; color: var(--tone); font-weight: 600; }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); gap: .75rem; }
dl div { padding: .6rem .9rem; }
dt { color: var(--soft); font-size: .85rem; }
dd { margin: 0; font-size: 1.4rem; font-weight: 600; }
.overview { overflow: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { padding: .3rem .9rem; text-align: left; border-top: 1px solid var(--line); }
tr:first-child > * { border-top: 0; }
thead th { color: var(--soft); font-size: .85rem; font-weight: inherit; white-space: nowrap; }
tbody { border-top: 1px solid var(--line); }
td:last-child { white-space: nowrap; }
tbody th { min-width: 5.5rem; }
.share { background: linear-gradient(var(--bar), var(--bar)) left / var(--share) 100% no-repeat; min-width: 4.5rem; }
ul { list-style: none; margin: 0; padding: 0; display: grid; gap: .5rem; }
li { min-width: 0; }
@media (max-width: 40rem) { th, td { padding: .3rem .5rem; } }
"""
