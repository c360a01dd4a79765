
// ---- The head: where am I, may I believe it, how bad is it. It never says that all is well because
// nothing was heard.

function countKinds() {
  const counts = {};
  for (const c of circuits.values()) counts[c.kind] = (counts[c.kind] ?? 0) + 1;
  return counts;
}

const sumOf = (counts, kinds) => kinds.reduce((sum, kind) => sum + (counts[kind] ?? 0), 0);

// "3 open, 1 forced open, 4 at risk", the worst first.
function badParts(counts) {
  const parts = [];
  for (const [key, text, kinds] of CLASSES) {
    if (key === 'closed' || key === 'unprotected') continue;
    const number = sumOf(counts, kinds);
    if (number) parts.push(`${count(number)} ${text.toLowerCase()}`);
  }
  return parts;
}

function drawHead() {
  const about = site.about, isServed = link.heard !== null;
  write($('service'), about?.service ?? location.host);
  show($('environment'), about?.environment);
  write($('environment'), about?.environment?.toUpperCase() ?? '');
  dress($('environment'), about?.environment === 'production' ? 'production' : '');
  const build = [about?.instance, about?.version, known(about?.started) && `started ${clock(about.started)}`, isServed && !site.control ? 'read only' : null].filter(Boolean).join(' · ');
  write($('build'), build);
  $('build').title = build;
  drawOverall();
  drawLine();
  drawBanners();
  drawTitle();
  const at = now();
  write($('clock'), ofDay.format(at));
  $('clock').dateTime = new Date(at).toISOString();
  document.body.classList.toggle('is-unknown', isUnknown());
}

function drawOverall() {
  const overall = $('overall'), counts = countKinds(), parts = badParts(counts), all = circuits.size;
  const sums = site.summary, small = text => h('small', text);
  let kind = '', children;
  const loose = (counts.forced_closed ?? 0) + (counts.observing ?? 0);
  const calm = loose ? `${count(counts.closed ?? 0)} closed, ${count(loose)} unprotected` : `All ${count(all)} closed`;
  if (link.phase === 'token') children = [b('Unknown'), small('This page may not look: a token is needed')];
  else if (link.heard === null) children = [b('Unknown'), small('Nothing heard yet from this service')];
  else if (link.phase !== 'live') children = [b(`Unknown since ${clock(now() - age() * 1000)}`), small(all ? `Then: ${parts.join(', ') || calm[0].toLowerCase() + calm.slice(1)}` : 'Then: no circuits')];
  else if (!all) children = [b('No circuits'), small('The registry is empty: nothing is protected')];
  else if (parts.length) {
    kind = ORDER.find(one => counts[one]);
    children = [b(parts[0]), parts.length > 1 && b(`, ${parts.slice(1).join(', ')}`), small(`${rate(sums?.rejected_per_second)} calls/s rejected now, ${rate(sums?.failures_per_second)}/s fail · ${count(counts.closed ?? 0)} of ${count(all)} closed`)];
  } else {
    const rejected = sums?.rejected_per_second;
    children = [b(calm), small(`${known(rejected) ? rejected ? `${rate(rejected)} calls/s rejected` : 'Nothing rejected' : 'Rates are not known yet'} · ${rate(sums?.calls_per_second)} calls/s`)];
  }
  dress(overall, kind);
  takeChildren(overall, children);
}

function drawLine() {
  const old = age();
  const [tone, sign, word, words] = link.phase === 'token' ? ['', 'unknown', 'Not connected', 'no token']
    : link.heard === null ? ['', 'unknown', link.tries ? 'Not connected' : 'Connecting', 'nothing heard']
    : link.phase === 'away' ? ['', 'unknown', 'Reading anew', 'this tab was hidden']
    : link.phase !== 'live' ? ['lost', 'unknown', 'Not live', `data ${span(old)} old`]
    : old > LATE ? ['late', 'half_open', 'Late', `data ${tenths.format(old)} s old`]
    : link.isPolling ? ['live', 'closed', 'Live, every 2 s', 'other tabs hold the line']
    : ['live', 'closed', 'Live', `data ${tenths.format(old)} s old`];
  dress($('line'), tone);
  takeChildren($('line'), [h('b', icon(sign), word), h('small', words)]);
}

function drawBanners() {
  const banners = [];
  if (link.phase === 'lost') {
    const left = untilNext(), next = left ? `Trying again in ${span(left)}.` : 'Trying again now.';
    banners.push(h('div.banner', { role: 'alert', id: 'lost' }, h('span', `${sentenceEnd(link.why)} Everything below is as it was at ${clock(now() - age() * 1000)}. `, h('span', { 'aria-hidden': 'true' }, next)), h('button', { 'data-do': 'try' }, 'Try now')));
  }
  const away = fleetAway();
  if (away) banners.push(h('div.banner', { id: 'fleet-lost' }, h('span', away)));
  if (isLive() && !site.control && circuits.size) {
    banners.push(token
      ? h('div.banner.plain', { id: 'may-not' }, h('span', 'You may look, not steer: your token is one to read by. A token to steer by may reset, trip, force and release.'), h('button', { 'data-do': 'token' }, 'Use another token'))
      : h('div.banner.plain', { id: 'read-only' }, h('span', 'Read only: this service takes no commands from here.')));
  }
  takeChildren($('banners'), banners);
}
const sentenceEnd = text => /[.!?]$/.test(text) ? text : `${text}.`;

// What the link to a fleet's store does, where it is away.
function fleetAway() {
  const status = site.fleet?.link;
  if (status?.status !== 'disconnected') return '';
  const lasts = status.in_status_for + (asOf() - site.fleetAt) / 1000;
  return `This process has not heard its fleet for ${span(lasts)}. Its circuits decide alone; the fleet view is as it was.`;
}

// True as far as is known: what is older than fifteen seconds is in question.
function drawTitle() {
  const about = site.about, sums = site.summary;
  const place = about ? [about.service, about.environment].filter(Boolean).join(' · ') : 'Circuits';
  const away = document.hidden && sums;
  const open = away ? sums.states.open + sums.states.forced_open + sums.states.isolated : [...circuits.values()].filter(rejects).length;
  const says = `${open ? `(${open} open) ` : ''}${place}`;
  const titleAge = link.titleHeard === null ? Infinity : (Date.now() - link.titleHeard) / 1000;
  const isTrue = isLive() ? age() <= 15 : away && titleAge <= 15;
  const title = isTrue ? says : link.phase === 'token' || !away ? `(unknown) ${place}` : `? ${says}`;
  if (document.title !== title) document.title = title;
}

// ---- For those who listen: changes, gathered so that a storm stays bearable.

let unsaid = [], saidAt = -Infinity;
function announce(text) {
  if (!unsaid.length) setTimeout(sayChanges, Math.max(1500, saidAt + 5000 - performance.now()));
  unsaid.push(text);
}
function sayChanges() {
  const more = unsaid.length > 3 ? `, and ${unsaid.length - 3} more changes` : '';
  write($('news'), unsaid.slice(0, 3).join(', ') + more);
  unsaid = [];
  saidAt = performance.now();
}
