
// ---- Keys and clicks. What is pressed says what it is for in its `data-` attributes.

let keysAreOn = true;
const KEYS = [['/', 'Filter by text'], ['j  k', 'Next, previous circuit'], ['Enter', 'Details of the circuit; again: into the details'], ['x', 'Select it'], ['Esc', 'Close the details, then clear the filter'], ['i', 'Fold the list of what needs attention'], ['?', 'This help']];

function help() {
  fill($('help').firstElementChild, h('h2', { id: 'help-title' }, 'Keys and signs'),
    h('dl.keys', KEYS.flatMap(([keys, text]) => [h('dt', keys.split('  ').map(key => h('kbd', key))), h('dd', text)])),
    h('label.check', h('input', { type: 'checkbox', checked: keysAreOn, onchange: event => { keysAreOn = event.target.checked; } }), 'Keys of one letter are on'),
    h('ul.signs', { 'aria-label': 'Signs of the states' }, ORDER.map(kind => h('li', h(`span.pill.${kind}`, icon(kind), WORD[kind]))), h('li', b('!'), ' Critical')),
    h('div.ends', h('button.main', { onclick: () => $('help').close() }, 'Close')));
  $('help').showModal();
}

const DO = {
  try: tryNow, token: askForToken, close: closeDrawer, clear: clearFilter,
  previous: () => step(-1), following: () => step(1),
  'more-cards': () => { mostCards += CARDS; plan(); },
};
function clearFilter() {
  $('q').value = '';
  go({ q: '', group: '', states: [] });
}
function fold() { isFolded = !isFolded; plan(); }

document.addEventListener('click', event => {
  const on = event.target.closest('[data-do], [data-ask], [data-bulk], [data-chip], [data-states], [data-tab], [data-sort], tr.row');
  if (event.defaultPrevented || event.button || event.metaKey || event.ctrlKey) return;
  const link = event.target.closest('a[href^="#"]');
  if (link?.classList.contains('skip')) {
    event.preventDefault();
    return $('view').focus();
  }
  if (link) return followLink(event, link);
  if (!on) return;
  const { do: act, ask: command, bulk, chip, states, tab, sort } = on.dataset;
  if (act) DO[act]();
  else if (command) ask(command, [opened]);
  else if (bulk === 'clear') pick([...picked], false);
  else if (bulk) ask(bulk, [...picked].filter(c => bulk !== 'release' || c.overridden));
  else if (chip) go({ states: view.states.includes(chip) ? view.states.filter(one => one !== chip) : [...view.states, chip] });
  else if (states) go({ states: states.split(','), tab: 'circuits' });
  else if (tab) go({ tab });
  else if (sort) sortOn(sort);
  else if (!event.target.closest('label, input')) {
    go({ circuit: circuitOf.get(on).name });
  }
});
function followLink(event, link) {
  event.preventDefault();
  const to = new URLSearchParams(link.hash.slice(1)), circuit = to.get('circuit');
  if (circuit === null) return go({ group: to.get('group') ?? '', states: [], circuit });
  // Once more: into what is open.
  if (opened?.name === circuit && link.closest('#view')) return $('drawer').querySelector('h2').focus();
  // What the address of a row says of the filter may be of an earlier one.
  go({ circuit });
}
function sortOn(key) {
  const first = sortBy(key), other = first.startsWith('-') ? key : `-${key}`;
  go({ sort: view.sort === first ? other : first }, true);
}

document.addEventListener('keydown', event => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]')) return;
  const isTyping = event.target.closest('input:not([type=checkbox]), select');
  if (event.key === 'Escape') {
    if (opened || missing !== null) {
      event.preventDefault();
      closeDrawer();
    } else if (view.q || view.group || view.states.length) clearFilter();
    return;
  }
  if (event.target.closest('[role=tab]') && turnTabs(event)) return;
  if (event.target.closest('thead') && turnHeads(event)) return;
  if (event.target === $('q') && (event.key === 'Enter' || event.key === 'ArrowDown')) {
    event.preventDefault();
    if (list.length) focusRow(list[0]);
  } else if (!isTyping) pressed(event);
});

function pressed(event) {
  const inTable = view.tab === 'circuits' && list.length, inGrid = inTable && event.target.closest('#scroll, #cards');
  const page = grid ? Math.max(1, Math.floor(grid.scroll.clientHeight / rowHeight) - 2) : 10;
  const by = inGrid && !event.shiftKey ? { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity }[event.key] : undefined;
  if (by === -1 && inGrid && list.indexOf(here) === 0 && !opened && !isPhone.matches) {
    event.preventDefault();
    return grid.head.querySelector('[aria-sort] button, button')?.focus();
  }
  if (by) {
    event.preventDefault();
    return step(by);
  }
  // Space selects, also where the keys of one letter are off.
  const isPick = event.key === ' ' && event.target.closest('tr.row a');
  if (!keysAreOn && !isPick) return;
  const act = {
    j: inTable && (() => step(1)), k: inTable && (() => step(-1)), i: fold, '?': help,
    '/': view.tab === 'circuits' && (() => { $('q').focus(); $('q').select(); }),
    x: inTable && here && maySteer('reset') && !isPhone.matches && (() => pick([here], !picked.has(here))),
  }[isPick ? 'x' : event.key];
  if (!act) return;
  event.preventDefault();
  act();
}

function turnTabs(event) {
  const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!by) return false;
  event.preventDefault();
  const all = [...$('tabs').children], next = all[(all.indexOf(event.target.closest('[role=tab]')) + by + all.length) % all.length];
  go({ tab: next.dataset.tab });
  draw();
  $(next.id).focus();
  return true;
}
// From the first row the arrow leads to the heads, by which the table is sorted.
function turnHeads(event) {
  const heads = [...grid.head.querySelectorAll('input, button')].filter(head => head.offsetParent), at = heads.indexOf(event.target);
  const next = { ArrowRight: heads[at + 1], ArrowLeft: heads[at - 1], Home: heads[0], End: heads.at(-1) }[event.key];
  if (event.key !== 'ArrowDown' && !next) return false;
  event.preventDefault();
  if (next) next.focus();
  else focusRow(list[0]);
  return true;
}
