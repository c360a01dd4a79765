
// ---- Where there is nothing to show, the page says why.

let blank = null;

function drawBlank() {
  if (link.phase === 'token') return drawToken();
  const children = circuits.size ? noneFits() : isLive() ? empty() : connecting();
  if (blank?.kind !== 'text' || !blank.element.isConnected) {
    grid = null;
    blank = { kind: 'text', element: h('div.blank') };
    fill($('view'), blank.element);
  }
  takeChildren(blank.element, children);
}

function connecting() {
  const left = untilNext();
  return [h('h2', 'Connecting to ', bdi(location.host)),
    h('p', 'Nothing has been heard yet, so nothing is known: neither good nor bad.'),
    link.why && h('p.error', { id: 'why' }, sentenceEnd(link.why)),
    h('p.soft', `First asked at ${ofDay.format(link.began)}${link.tries ? `, ${many(link.tries, 'time')} so far` : ''}${left === null ? '' : `; next in ${span(left)}`}.`),
    h('button', { 'data-do': 'try' }, 'Try now')];
}
const empty = () => [h('h2', 'No circuits yet'),
  h('p', 'The service is live, but its registry holds no circuit. One appears here as soon as code asks for it:'),
  h('pre.mono', 'registry.get_or_create("payments")'),
  h('p', 'If you expected some, this may be the wrong process or registry.')];
const noneFits = () => [h('h2', 'No circuit matches this filter'), h('p', `${many(circuits.size, 'circuit')} ${circuits.size === 1 ? 'is' : 'are'} hidden by it.`), h('button', { 'data-do': 'clear' }, 'Clear the filter')];

// A form in the page, which nothing dismisses; what was typed is kept.
function drawToken() {
  if (blank?.kind !== 'token' || !blank.element.isConnected) {
    const input = h('input', { type: 'password', name: 'token', autocomplete: 'current-password', required: true, 'aria-describedby': 'token-error' });
    const error = h('p.error', { id: 'token-error', role: 'alert' });
    const tokenForm = h('form', { id: 'token-form', onsubmit: useToken }, h('label', h('span', 'Token'), input), h('button.main', { type: 'submit' }, 'Continue'));
    const element = h('div.blank', h('h2', 'A token is needed to look'), h('p', 'Ask who runs this service. It stays in this tab.'), tokenForm, error);
    grid = null;
    blank = { kind: 'token', element, input, error };
    fill($('view'), element);
    input.focus();
  }
  write(blank.error, refusal());
}
function refusal() {
  if (!link.isRefused) return token && link.why !== AGAIN ? `${sentenceEnd(link.why)} What you typed is kept and is tried again.` : '';
  const left = link.waitsUntil === null ? 0 : Math.ceil((link.waitsUntil - Date.now()) / 1000);
  if (left > 0) return `Too many wrong tokens came from here. What you typed is kept and is tried again in ${span(left)}.`;
  if (!token) return '';
  return 'This token was not accepted. You can try again at once; what you typed is kept.';
}
function useToken(event) {
  event.preventDefault();
  const typed = blank.input.value.trim();
  // A header takes no other characters.
  if (!/^[\x21-\x7e]+$/.test(typed)) return write(blank.error, 'A token is of ASCII letters, digits and signs alone.');
  token = typed;
  keep('token', token);
  link.isRefused = false;
  tryNow();
}
function askForToken() {
  link.phase = 'token';
  link.isRefused = true;
  link.waitsUntil = null;
  token = '';
  keep('token', '');
  link.abort?.abort();
  plan();
}
// After the time that was asked for, it is tried once more.
setInterval(() => {
  if (link.phase !== 'token' || link.waitsUntil === null || Date.now() < link.waitsUntil) return;
  link.waitsUntil = null;
  tryNow();
}, 500);
