
// ---- The last hour of one circuit: its state, calls, failures and latency, a point for 30 seconds.

const HOUR = 120, STEP = 30000;
const BAND_OF = { open: 'band-open', half_open: 'band-half', forced_open: 'band-hand', isolated: 'band-hand', forced_closed: 'band-hand', observing: 'band-hand' };
const LANES = [{ top: 18, height: 16 }, { top: 58, height: 52 }, { top: 132, height: 44 }, { top: 198, height: 56 }], CHART_HEIGHT = 274;

// What an answer says of each point; null where nothing is known of it.
function pointsOf(hour) {
  const from = hour.at - (hour.points.length - 1) * STEP;
  return hour.points.map((row, at) => {
    const point = { at: from + at * STEP, shown: null, admitted: null, rejected: null, failed: null, latency: [null, null, null] };
    if (!row) return point;
    const cell = Object.fromEntries(hour.columns.map((column, place) => [column, row[place] ?? null]));
    // The last one is not over.
    const seconds = Math.max(1, Math.min(STEP, now() - point.at) / 1000);
    return {
      ...point, shown: cell.shown, admitted: cell.admitted / seconds, rejected: cell.rejected / seconds,
      failed: cell.admitted ? cell.failed / cell.admitted : null, latency: [cell.p50_ms, cell.p95_ms, cell.p99_ms],
    };
  });
}

// A round number above all of them.
function peakOf(values) {
  const most = Math.max(1, ...values.filter(known)), size = 10 ** Math.floor(Math.log10(most));
  return Math.ceil(most / size * 2) / 2 * size;
}

// Its elements: what is said of a point, the picture, and a table.
function hourOf(c) {
  const points = pointsOf(c.hour), width = isPhone.matches ? Math.max(280, innerWidth - 34) : 606;
  const left = 44, right = width - 8, step = (right - left) / points.length, end = c.hour.at + STEP, parts = [];
  const xAt = at => left + step * (at + .5);
  const xOf = time => right - (right - left) * (end - time) / (HOUR * STEP);
  const yOf = ({ top, height }, value, most) => top + height * (1 - Math.min(1, value / most));
  const add = (tag, attributes, text) => parts.push(h(tag, attributes, text));
  const rule = y => add('line', { class: 'rule', x1: left, x2: right, y1: y, y2: y });

  function bands() {
    const { top, height } = LANES[0];
    let run = null;
    const flush = () => {
      if (!run || run.shown === 'closed') return;
      const width = run.length * step, x = left + run.at * step;
      if (run.shown === null) add('rect', { class: 'hole', x, y: top, width, height });
      else add('rect', { class: BAND_OF[run.shown], x, y: top, width, height });
      if (run.shown !== null && width > 70) add('text', { class: 'inside', x: x + 5, y: top + 12 }, lower(run.shown));
    };
    points.forEach(({ shown }, at) => {
      if (run?.shown === shown) return run.length++;
      flush();
      run = { shown, at, length: 1 };
    });
    flush();
    rule(top + height + .5);
  }

  // Who pressed what.
  function marks() {
    const marks = commandsOn(c).filter(entry => entry.at > end - HOUR * STEP).reverse(), labels = [];
    for (const mark of marks) {
      const x = xOf(mark.at), text = `${mark.actor ? apart(mark.actor) : 'somebody'}: ${mark.command}`;
      add('path', { class: 'pin', d: `M${x.toFixed(1)} 17l-4-6h8z` });
      const last = labels.at(-1);
      if (last && x - last.x < 120) Object.assign(last, { x, text: `${last.text}, ${mark.command}` });
      else labels.push({ x, text });
    }
    for (const { x, text } of labels) {
      const isRight = x > width - 190;
      add('text', { x: isRight ? x - 7 : x + 7, y: 11, 'text-anchor': isRight ? 'end' : 'start' }, text);
    }
    if (!marks.length) add('text', { x: left, y: 12 }, site.audit ? 'No commands in this hour' : '');
  }

  function lane(number, title, most) {
    const { top, height } = LANES[number];
    add('text', { class: 'title', x: left, y: top - 5 }, title);
    add('text', { x: left - 6, y: top + 8, 'text-anchor': 'end' }, count(most));
    add('text', { x: left - 6, y: top + height, 'text-anchor': 'end' }, '0');
    rule(top + height + .5);
  }
  // A hole in what is known is one in the line.
  function line(number, style, of, most) {
    let path = '', isDown = false;
    points.forEach((point, at) => {
      const value = of(point);
      if (!known(value)) return isDown = false;
      path += `${isDown ? 'L' : 'M'}${xAt(at).toFixed(1)} ${yOf(LANES[number], value, most).toFixed(1)}`;
      // One point alone is a line, too.
      if (!isDown) path += 'h.01';
      isDown = true;
    });
    add('path', { class: style, d: path });
  }
  function limitLine(number, value, most, text) {
    if (!known(value) || value > most) return;
    const y = yOf(LANES[number], value, most), isHigh = y < LANES[number].top + 12;
    add('line', { class: 'limit', x1: left, x2: right, y1: y, y2: y });
    add('text', { x: right - 6, y: isHigh ? y + 11 : y - 3, 'text-anchor': 'end' }, text);
  }

  function calls() {
    const most = peakOf(points.map(({ admitted, rejected }) => Math.max(admitted ?? 0, rejected ?? 0))), { top, height } = LANES[1];
    lane(1, 'Calls/s: admitted (area), rejected (line)', most);
    const area = points.map(({ admitted }, at) => known(admitted) ? `M${(left + at * step).toFixed(1)} ${top + height}V${yOf(LANES[1], admitted, most).toFixed(1)}h${step.toFixed(2)}V${top + height}z` : '');
    add('path', { class: 'area', d: area.join('') });
    line(1, 'first', point => point.rejected, most);
  }
  function failures() {
    const limit = c.limits.failure_rate ?? c.limits.failure_rate_confident;
    const seen = Math.max(.1, ...points.map(({ failed }) => failed ?? 0));
    const most = Math.min(1, Math.ceil(Math.max(seen, (limit ?? 0) * 1.3) * 20) / 20);
    lane(2, 'Failures %', Math.round(most * 100));
    line(2, 'first', point => point.failed, most);
    limitLine(2, limit, most, `limit ${limitOf(limit ?? 0)}`);
  }
  function latency() {
    const isKept = points.some(({ latency }) => known(latency[2]));
    if (!isKept) {
      add('text', { class: 'title', x: left, y: LANES[3].top - 5 }, 'Latency');
      add('text', { x: left, y: LANES[3].top + 12 }, 'Not measured; CircuitBuilder::latency turns it on');
      return rule(LANES[3].top + LANES[3].height + .5);
    }
    const most = peakOf(points.map(({ latency }) => latency[2]));
    lane(3, 'Latency ms: p50, p95, p99 from below', most);
    ['third', 'second', 'first'].forEach((style, at) => line(3, style, point => point.latency[at], most));
    const slow = known(c.limits.slower_than) ? c.limits.slower_than * 1000 : null;
    limitLine(3, slow, most, `slow above ${millis(slow)}`);
  }
  function times() {
    for (let quarter = 0; quarter <= 4; quarter++) {
      const x = left + (right - left) * quarter / 4, at = end - (4 - quarter) * 900e3;
      add('text', { x, y: CHART_HEIGHT - 2, 'text-anchor': ['start', 'middle', 'middle', 'middle', 'end'][quarter] }, ofDay.format(at).slice(0, 5));
      if (quarter % 4) add('line', { class: 'rule', x1: x, x2: x, y1: 34, y2: 254, 'stroke-dasharray': '1 4' });
    }
  }

  function say(at) {
    const point = points[at];
    if (point.shown === null) return `${clock(point.at)} · not recorded`;
    const failed = known(point.failed) ? `${percent(point.failed)} % failed` : 'no results';
    const latency = known(point.latency[2]) ? ` · p99 ${millis(point.latency[2])} ms` : '';
    return `${clock(point.at)} · ${lower(point.shown)} · ${rate(point.admitted)}/s admitted · ${rate(point.rejected)}/s rejected · ${failed}${latency}`;
  }

  // The same in words: five minutes a row.
  function table() {
    const lines = [];
    for (let at = 0; at < points.length; at += 10) {
      const some = points.slice(at, at + 10);
      const mean = of => {
        const values = some.map(of).filter(known);
        return values.length ? values.reduce((sum, value) => sum + value, 0) / values.length : null;
      };
      const states = [...new Set(some.map(({ shown }) => shown === null ? 'not recorded' : lower(shown)))].join(', ');
      const figures = [rate(mean(point => point.admitted)), rate(mean(point => point.rejected)), percent(mean(point => point.failed)), millis(mean(point => point.latency[2]))];
      lines.push(h('tr', h('td', ofDay.format(some[0].at).slice(0, 5)), h('td', states), figures.map(figure => h('td.num', figure))));
    }
    return h('details', h('summary', 'As a table, five minutes a row'), tableOf('table.plain', {}, [...['From', 'State'].map(texts), ...['Admitted/s', 'Rejected/s', 'Fail %', 'p99 ms'].map(numbers)], lines));
  }

  bands();
  marks();
  calls();
  failures();
  latency();
  times();
  let cursor = points.length - 1;
  const cross = h('line.cursor', { y1: 16, y2: 256 }), readout = h('p.readout', { 'aria-hidden': 'true' });
  const svg = h('svg.chart', { viewBox: `0 0 ${width} ${CHART_HEIGHT}`, role: 'slider', tabindex: 0, 'aria-label': 'The last hour, in steps of 30 seconds', 'aria-valuemin': 0, 'aria-valuemax': points.length - 1 }, parts, cross);
  const move = to => {
    cursor = Math.max(0, Math.min(points.length - 1, to));
    for (const end of ['x1', 'x2']) cross.setAttribute(end, xAt(cursor));
    write(readout, say(cursor));
    svg.setAttribute('aria-valuenow', cursor);
    svg.setAttribute('aria-valuetext', say(cursor));
  };
  svg.addEventListener('pointermove', event => {
    const box = svg.getBoundingClientRect();
    move(Math.floor(((event.clientX - box.left) / box.width * width - left) / step));
  });
  svg.addEventListener('keydown', event => {
    const by = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageUp: 10, PageDown: -10, Home: -HOUR, End: HOUR }[event.key];
    if (!by) return;
    event.preventDefault();
    event.stopPropagation();
    move(cursor + by);
  });
  move(cursor);
  return [readout, svg, table()];
}
