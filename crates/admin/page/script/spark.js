
// ---- Small pictures: how near a limit is, and the last five minutes.

// The limit stands at three quarters of each bar, so that those of all rows form one line.
function bullet(share) {
  const tone = share >= 1 ? 'bar-past' : share >= .6 ? 'bar-near' : 'bar-value';
  return h('svg', { viewBox: '0 0 100 10', preserveAspectRatio: 'none', 'aria-hidden': 'true' },
    h('rect.bar-track', { x: 0, y: 3, width: 100, height: 4 }),
    h('rect', { class: tone, x: 0, y: 3, width: (Math.min(1, share * .75) * 100).toFixed(1), height: 4 }),
    h('rect.bar-limit', { x: 74.2, y: 0, width: 1.8, height: 10 }));
}

const BANDS = ['base', 'wash-open', 'wash-hand', 'band-open', 'band-half', 'band-hand', 'failed', 'hole'];
// Bands differ in place and height as well as in colour.
function sparkPaths(c) {
  const paths = Object.fromEntries(BANDS.map(band => [band, '']));
  paths.base = 'M0 17.5h60';
  const { failed, shown } = c.samples, isSeen = isLive();
  const letters = shown + (isSeen ? LETTER[c.kind] : HOLE), first = POINTS - letters.length;
  for (let x = 0; x < first; x++) paths.hole += `M${x} 9h1`;
  for (let at = Math.max(0, -first); at < letters.length; at++) {
    const x = first + at, share = at < failed.length ? failed[at] : isSeen && c.calls && known(c.failed) ? c.failed * 100 : null;
    if (share) paths.failed += `M${x} 17V${(17 - share * .17).toFixed(1)}h1V17z`;
    switch (letters[at]) {
      case 'o':
        paths['band-open'] += `M${x} 18v-5h1v5z`;
        paths['wash-open'] += `M${x} 13v-13h1v13z`;
        break;
      case 'h': case 's': paths['band-half'] += `M${x} 18v-3h1v3z`; break;
      case 'f': case 'i':
        paths['band-hand'] += `M${x} 11.5v-5h1v5z`;
        paths['wash-hand'] += `M${x} 18v-18h1v18z`;
        break;
      case 'p': case 'w': paths['band-hand'] += `M${x} 18v-2h1v2z`; break;
      case HOLE: paths.hole += `M${x} 9h1`; break;
    }
  }
  return paths;
}

function sparkText(c) {
  const lasted = letters => [...c.samples.shown].filter(letter => letters.includes(letter)).length * 5;
  const parts = [['o', 'open'], ['fi', 'forced or isolated'], ['h', 'half-open'], ['pw', 'unprotected'], [HOLE, 'not known']].map(([letters, word]) => [lasted(letters), word]).filter(([seconds]) => seconds);
  if (!c.samples.shown) return 'Last five minutes: not known';
  return `Last five minutes: ${parts.map(([seconds, word]) => `${word} for ${span(seconds)}`).join(', ') || 'closed'}`;
}

function spark(c) {
  const paths = sparkPaths(c);
  return h('svg.spark', { viewBox: '0 0 60 18', preserveAspectRatio: 'none', role: 'img', 'aria-label': sparkText(c) },
    BANDS.map(band => h('path', { class: band, d: paths[band], 'vector-effect': band === 'base' || band === 'hole' ? 'non-scaling-stroke' : null })));
}
function redrawSpark(svg, c) {
  const paths = sparkPaths(c);
  svg.setAttribute('aria-label', sparkText(c));
  BANDS.forEach((band, at) => { if (svg.children[at].getAttribute('d') !== paths[band]) svg.children[at].setAttribute('d', paths[band]); });
}
