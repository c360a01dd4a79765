
// ---- What is said of one circuit: why, what its callers get, and what comes next.

function whyOf(c, isAlone = false) {
  const { detail } = c;
  if (c.kind === 'isolated') return isolationOf(c, isAlone);
  if (c.overridden) return overrideOf(c);
  const trip = tripOf(c);
  const tripText = trip ? reasonText(trip) : c.reason ? reasonWords(c.reason) : '';
  switch (c.kind) {
    case 'open': return [marked(tripText), failedProbes(c)];
    case 'half_open': return marked(trip ? `Tripped ${clock(detail.at - trip.ago * 1000)}: ${tripText}` : tripText);
    case 'hung': return [`${many(c.hung, 'call')} hang${c.hung === 1 ? 's' : ''}`, known(c.limits.older_than) ? ` for over ${span2(c.limits.older_than)}, limit ${count(c.limits.stalled_calls)}` : ''];
    case 'kept': {
      const rule = nearestOf(c);
      return [rule ? `${rule.failing}; ` : '', 'cap of ', c.groups.length ? bdi(c.groups[0]) : 'its group', ' reached'];
    }
    case 'ramping': return marked(tripText ? `Recovering after: ${tripText}` : 'Recovering');
    case 'shedding': return [`Throttled: the upstream accepts about ${percent(c.admitted)} % of the calls`];
    default: return [];
  }
}

function isolationOf(c, isAlone) {
  const by = c.detail?.isolated_by?.[0], group = by?.group;
  const reason = c.detail?.isolation_reasons?.[0] ?? site.groups.find(one => one.name === group)?.reason;
  const parts = [reason ? ['“', bdi(reason), '”'] : 'Isolated by code'];
  if (group && !isAlone) parts.push(', group ', bdi(group));
  return parts;
}

function overrideOf(c) {
  const own = c.detail?.operators_override, words = c.detail?.override_words;
  const parts = [words?.reason ? ['“', bdi(words.reason), '”, '] : ''];
  parts.push(words?.actor ? [words.actor_checked ? '' : 'says ', bdi(words.actor)] : words?.reason ? 'an operator' : 'An operator');
  if (own?.by_fleet) parts.push(', whole fleet');
  return parts;
}

// How often it went back to open since it tripped.
function failedProbes(c) {
  const events = c.detail?.recent_events ?? [];
  let failed = 0;
  for (const { event } of events) {
    if (event.event !== 'state_changed') continue;
    if (event.from === 'closed') failed = 0;
    else if (event.from === 'half_open' && event.to === 'open') failed += 1;
  }
  return failed > 0 && !c.detail.last_trip?.reason.startsWith('probes') ? `; probing has failed ${failed === 1 ? 'once' : `${failed} times`}` : '';
}

function callersOf(c, rejected = c.rejected) {
  switch (c.kind) {
    case 'forced_closed': return [`Nothing rejected, ${percent(c.failed)} % of ${rate(c.calls)}/s fail`];
    case 'observing': return [`Nothing rejected; ${count(c.fine?.totals.would_have_rejected ?? c.detail?.totals.would_have_rejected)} would have been`];
    case 'hung': return [b(`${count(c.hung)} wait`), known(c.p99) ? `, p99 ${span2(c.p99 / 1000)}` : ''];
    case 'kept': return ['Nothing rejected, ', b(`${rate(known(c.failed) && known(c.calls) ? c.failed * c.calls : null)}/s fail`)];
    case 'closed': return [rejected ? b(`${rate(rejected)}/s rejected`) : 'Nothing rejected'];
    default: return [b(`${rate(rejected)}/s rejected`), known(c.admitted) && c.admitted < 1 ? `, ${percent(c.admitted)} % go through` : ''];
  }
}

function nextOf(c) {
  if (isUnknown()) return ['not known'];
  if (c.kind === 'isolated') return [c.detail?.isolated_by?.[0]?.group ? 'Ends when the group lets go' : 'Ends when its code lets go'];
  if (c.overridden) {
    if (c.overrideEnds === null) return ['Until somebody releases it'];
    return [`Ends ${minute(c.overrideEnds)}, `, b(`${span((c.overrideEnds - now()) / 1000)} left`)];
  }
  switch (c.kind) {
    case 'open': {
      const left = c.retryAt === null ? null : Math.ceil((c.retryAt - now()) / 1000);
      if (left === null) return ['Open until its probe'];
      return left > 0 ? ['Next probe in ', b(span(left))] : [b('The next call is a probe')];
    }
    case 'half_open': {
      const probes = c.detail?.probes;
      return probes ? [b(`${probes.succeeded} of ${probes.needed}`), ' probes succeeded'] : ['Probing'];
    }
    case 'hung': return known(c.limits.stalled_calls) ? [`Trips at ${many(c.limits.stalled_calls, 'hung call')}`] : [];
    case 'kept': return ['Trips when a place is free'];
    case 'ramping': return ['All calls again in ', b(span((c.ramps - now()) / 1000))];
    case 'shedding': return ['Follows what the upstream accepts'];
    default: return [];
  }
}

function sentenceOf(c) {
  const began = sinceOf(c);
  if (isUnknown()) return [b('Unknown'), `: ${lower(c.kind)} when last heard${began === null ? '' : `, since ${clock(began)}`}.`];
  if (c.kind === 'closed') {
    const trip = tripOf(c), text = trip ? reasonText(trip) : reasonWords(c.reason ?? '');
    const last = c.tripped !== null ? `Last trip at ${clock(c.tripped)}: ${text}.` : c.detail ? 'It has not tripped since the start.' : '';
    return [b('Closed'), marked(` for ${since(c.since)}. ${last}`)];
  }
  const parts = [b(WORD[c.kind] + shareOf(c)), began === null ? '. ' : [' since ', time(began), ` (${since(began)}). `]];
  const why = whyOf(c), next = nextOf(c);
  if (present(why).some(part => part !== '')) parts.push(why, '. ');
  parts.push('Callers: ', callersOf(c), '. ');
  if (next.length) parts.push(next, '.');
  return parts;
}

// Of a pill the word says the state, and so do its shape and its colour.
function pill(c, kind = c.kind) {
  if (isUnknown()) return h('span.pill.unknown', icon('unknown'), `was ${lower(kind)}`);
  return h(`span.pill.${kind}`, icon(kind), WORD[kind] + (c && kind === c.kind ? shareOf(c) : ''));
}
