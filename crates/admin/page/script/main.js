
// ---- All together: what is known is drawn once a frame at most, and each second for the times.

let frame = 0, drawnTab = null;
function plan() { frame ||= requestAnimationFrame(draw); }

function draw() {
  cancelAnimationFrame(frame);
  frame = 0;
  findOpened();
  drawHead();
  arrange();
  drawTools();
  drawIncidents();
  drawView();
  if (opened || missing !== null || !$('drawer').hidden) drawDrawer();
}

function drawView() {
  if (link.phase === 'token' || !circuits.size) return drawBlank();
  if (drawnTab !== view.tab || isPhone.matches !== Boolean($('cards')) && view.tab === 'circuits' && !grid) {
    drawnTab = view.tab;
    grid = null;
    fill($('view'));
  }
  if (view.tab === 'groups' && site.groups.length) drawGroups();
  else if (view.tab === 'fleet' && site.fleet) drawFleet();
  else if (view.tab === 'commands' && site.audit) drawCommands();
  else if (!list.length) drawBlank();
  else if (isPhone.matches) drawCards();
  else drawTable();
}

// What was heard last grows older while nothing is heard: after a while it is no longer live.
setInterval(() => {
  if (document.hidden) return drawTitle();
  if (isLive() && age() > LOST + 1) giveUp('');
  if ($('ask').open) foretell();
  plan();
}, 1000);

const settings = {
  read(key) { try { return localStorage.getItem(key); } catch { return null; } },
  write(key, value) { try { localStorage.setItem(key, value); } catch { /* for this page alone */ } },
};
function setTheme(theme) {
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
}
$('theme').value = settings.read('circuits.theme') ?? 'auto';
setTheme($('theme').value);
$('theme').addEventListener('change', () => {
  setTheme($('theme').value);
  settings.write('circuits.theme', $('theme').value);
});
setZone(settings.read('circuits.zone') ?? 'UTC');
$('zone').value = zone;
$('zone').addEventListener('change', () => {
  setZone($('zone').value);
  settings.write('circuits.zone', zone);
  plan();
});

$('q').addEventListener('input', () => go({ q: $('q').value }, true));
$('group').addEventListener('change', () => go({ group: $('group').value }));
$('sort').addEventListener('change', () => go({ sort: $('sort').value }, true));
$('incidents-fold').addEventListener('click', fold);
$('help-open').addEventListener('click', help);
$('view').addEventListener('change', event => { if (event.target.id === 'pick-all') pick(list, event.target.checked); });
for (const event of ['popstate', 'hashchange']) addEventListener(event, () => { readAddress(); plan(); });
addEventListener('resize', plan);
isPhone.addEventListener('change', () => {
  grid = null;
  fill($('view'));
  plan();
});

readAddress();
draw();
keepLive();
