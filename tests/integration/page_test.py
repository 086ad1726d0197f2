#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# SPDX-FileCopyrightText: the carom authors
"""The page of carom report in a real browser: it renders, wide and as narrow as a phone; its bars are as long as the
figures say; hostile words of servers stay words; it asks the network for nothing.

Each question is put to a page that is wrong too, so that the answer means something.

usage: CAROM=path/to/carom page_test.py
"""
import html
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

CAROM = os.environ.get('CAROM', 'carom')
EVIL = ('550 5.7.1 Client host [192.0.2.1] blocked using x </td></table><script>document.title="taken"</script>'
        '<img src="http://evil.invalid/pixel.png" onerror="document.title=1"><style>@import "http://evil.invalid/a.css";</style>')
BLOCKED = '550 5.7.1 Client host [192.0.2.1] blocked using bl.example.org'
LIST = '<svg onload="document.title=2">.lists.example.org'
# A frame of a given width around the page, which the page, without scripts, cannot measure itself.
FRAME = '''<!DOCTYPE html><meta charset="utf-8"><body><iframe src="%s" style="width:%dpx;height:900px;border:0"></iframe><pre></pre>
<script>onload = () => {
  const page = document.querySelector("iframe").contentDocument, root = page.documentElement, bars = []
  for (const row of page.querySelectorAll("tr")) {
    const bar = row.querySelector("rect")
    if (bar) bars.push({ name: row.querySelector("th").textContent, n: +bar.dataset.n, of: row.closest("section").firstElementChild.textContent,
                         length: bar.getBoundingClientRect().width, height: bar.getBoundingClientRect().height })
  }
  document.querySelector("pre").textContent = JSON.stringify({ title: page.title, width: root.scrollWidth, bars,
    ground: page.defaultView.getComputedStyle(page.body).backgroundColor,
    columns: [...page.querySelectorAll(".columns rect")].map(c => [+c.dataset.n, c.getBoundingClientRect().height]) })
}</script>'''
failed = 0


def check(what, got, want=True):
    global failed
    if got != want:
        failed += 1
        print(f'not ok {what}: got {got!r}, want {want!r}')
    else:
        print(f'ok {what}')


def make_report(folder):
    rows = [(BLOCKED, 'gmail.com', 'news.lists.example.org')] * 40 + [(BLOCKED, 'gmx.de', 'news.lists.example.org')] * 20
    rows += [('550 5.1.1 User unknown', 'example.com', 'news.lists.example.org')] * 30 + [(EVIL, 'gmx.de', LIST)] * 10
    lines = ''.join(json.dumps({'reply': reply, 'recipient': f'user{i}@{domain}', 'delivery': f'd{i}', 'list': name}) + '\n'
                    for i, (reply, domain, name) in enumerate(rows))
    (folder / 'policy.lua').write_text('carom.configure { breaker = { min = 1000 } }\n')
    for arguments, given in ((['run', '--policy', 'policy.lua', '--lines'], lines), (['report', '--html', 'page.html'], '')):
        subprocess.run([CAROM, *arguments, '--state', 'state'], input=given, text=True, cwd=folder, check=True,
                       stdout=subprocess.DEVNULL, timeout=60)


def browse(folder, name, *options):
    """What the browser made of the page, what it said on its console, and what it asked of the network."""
    log = folder / 'net.json'
    done = subprocess.run(
        ['chromium', '--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run',
         '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-domain-reliability',
         '--disable-extensions', '--disable-default-apps', '--allow-file-access-from-files', '--enable-logging=stderr', '--log-level=0',
         '--host-resolver-rules=MAP * ~NOTFOUND', f'--user-data-dir={folder / "profile"}', f'--log-net-log={log}',
         '--virtual-time-budget=4000', '--dump-dom', *options, (folder / name).as_uri()],
        capture_output=True, text=True, timeout=120, env={**os.environ, 'HOME': str(folder)})
    console = [line for line in done.stderr.splitlines() if 'CONSOLE' in line]
    asked = set(re.findall(r'https?://[^"\s]*\.invalid[^"\s]*', log.read_text())) if log.exists() else {'no log'}
    return done.stdout, console, asked


def measure(folder, page, width, *options):
    (folder / 'frame.html').write_text(FRAME % (page, width))
    dom, console, asked = browse(folder, 'frame.html', *options)
    found = re.search(r'<pre>(.*?)</pre>', dom, re.DOTALL)
    return json.loads(html.unescape(found[1])) if found and found[1] else {}, console, asked


def check_controls(folder):
    (folder / 'bad.html').write_text(f'<body><table><tr><td>{EVIL}</table><script>nothing()</script><p style="width:900px">wide</p>')
    seen, console, asked = measure(folder, 'bad.html', 360)
    check('a page that is wrong is taken', seen.get('title') in ('taken', '1'))
    check('a page that is wrong asks the network', any('pixel.png' in url for url in asked))
    check('a page that is wrong complains on the console', bool(console))
    check('a page that is wrong is too wide', seen.get('width', 0) > 360)


def check_bars(seen, width):
    bars = {(bar['of'], bar['name']): bar for bar in seen['bars']}
    ours = 'Our own faults: what to mend first'
    google, gmx = bars.get((ours, 'blocked google')), bars.get((ours, 'blocked gmx'))
    check(f'{width}: the figures of our own faults', (google and google['n'], gmx and gmx['n']), (40, 30))
    check(f'{width}: a bar is to be seen', google['length'] > 40 and google['height'] > 8)
    check(f'{width}: bars are as long as their figures say', round(gmx['length'] / google['length'], 2), 0.75)
    check(f'{width}: the reasons', (bars['By reason', 'blocked sender']['n'], bars['By reason', 'user_unknown recipient']['n']), (70, 30))
    heights = {n: height for n, height in seen['columns']}
    check(f'{width}: columns over time', sorted(heights), [30, 70])
    check(f'{width}: columns are as high as their figures say', round(heights[30] / heights[70], 2), 0.43)
    check(f'{width}: nothing is wider than the window', seen['width'] <= width)


def main():
    with tempfile.TemporaryDirectory(prefix='carom-page-') as scratch:
        folder = pathlib.Path(scratch)
        make_report(folder)
        check_controls(folder)
        grounds = set()
        for width, options in ((1100, ()), (360, ()), (320, ('--blink-settings=preferredColorScheme=0',))):
            seen, console, asked = measure(folder, 'page.html', width, *options)
            check(f'{width}: the title is ours', seen.get('title'), 'Bounce report')
            check(f'{width}: nothing on the console', console, [])
            check(f'{width}: nothing asked of the network', asked, set())
            check_bars(seen, width)
            grounds.add(seen['ground'])
        check('light and dark', len(grounds), 2)
        dom, console, asked = browse(folder, 'page.html')
        check('hostile words are words', '&lt;/table&gt;&lt;script&gt;' in dom)
        check('a hostile name of a list is a name', html.unescape(re.sub('<wbr>', '', dom)).count(LIST) >= 1)
        check('no element came out of them', re.findall(r'<(script|img|svg onload)\b', dom), [])
        if len(sys.argv) > 1:  # a folder for whoever wants to look
            for width in (1100, 500):
                browse(folder, 'page.html', f'--window-size={width},2400', f'--screenshot={sys.argv[1]}/page-{width}.png')
    print(f'{failed} failed')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
