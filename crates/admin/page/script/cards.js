
// ---- Cards, where there is no room for a table.

const CARDS = 60;
let mostCards = CARDS;

function drawCards() {
  if (!$('cards')) fill($('view'), h('ul', { id: 'cards', 'aria-label': 'Circuits' }), h('p.more', { id: 'cards-more' }));
  takeChildren($('cards'), list.slice(0, mostCards).map(card));
  const rest = list.length - mostCards;
  takeChildren($('cards-more'), rest > 0 ? [h('button', { 'data-do': 'more-cards' }, `${count(Math.min(CARDS, rest))} more of ${count(list.length)}`)] : []);
}

function card(c) {
  const figure = (title, value) => h('div', h('dt', title), h('dd', value));
  const rule = nearestOf(c), why = present(whyOf(c)).filter(part => part !== ''), began = downSince(c), next = nextOf(c);
  const isCut = c.rejected || rejects(c);
  return h(`li.card.${c.kind}`,
    h('div.top', h('a', { href: addressOf({ circuit: c.name }) }, bdi(c.name)), c.critical && h('span.tag', 'critical'), pill(c)),
    c.kind !== 'closed' && h('p', callersOf(c), next.length ? [' · ', next] : ''),
    c.kind !== 'closed' && (why.length || began) && h('p.soft', why, began === null ? '' : [why.length ? ' · ' : '', time(began), ` · ${since(began)}`]),
    h('dl', isCut && figure('Rejected/s', rate(c.rejected)), figure('Calls/s', rate(c.calls)), figure('Fail %', percent(c.failed)), figure('p99 ms', millis(c.p99)),
      figure('Hung', count(hungOf(c))), !isCut && figure('To limit', rule ? rule.text : '–')),
    spark(c));
}
