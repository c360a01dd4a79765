// Puts the page together; `build.sh` calls it.

import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import { readFileSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const root = new URL('../../../', import.meta.url), here = new URL('crates/admin/page/', root);
const { transformSync } = createRequire(new URL('target/tools/page/', root))('esbuild');
const [mode] = process.argv.slice(2);
if (mode && !['--check', '--plain'].includes(mode)) throw new Error(`build.sh knows --check and --plain, not ${mode}`);

const part = name => readFileSync(new URL(name, here), 'utf8');
const STYLES = ['base', 'work', 'more'];
// What is defined in one is seen by all; what runs at once needs those before it.
const SCRIPTS = [
  'dom', 'words', 'model', 'link', 'look', 'sentences', 'head', 'incidents', 'filters', 'spark', 'table', 'cards', 'chart', 'drawer',
  'panes', 'commands', 'blank', 'keys', 'main',
];

// Long names of fields that stand in no answer of the service, but are the page's own.
const OWN = /^(isRefused|isWanted|isShaky|isPolling|isLookedAt|isBrief|titleHeard|heardAt|waitsUntil|gaveUp|keepsHistory|audited|fleetAt|samplesFrom|overrideEnds|detailOf|hourAt|retryAt|canFleet|dress|failing)$/;
const options = { minify: true, charset: 'utf8', target: 'es2022', mangleProps: OWN };
const squeezed = (code, loader) => mode === '--plain' ? code : transformSync(code, { loader, ...options }).code.trim();
const style = squeezed(STYLES.map(name => part(`style/${name}.css`)).join('\n'), 'css');
const script = squeezed(`(() => {\n'use strict';\n${SCRIPTS.map(name => part(`script/${name}.js`)).join('\n')}\n})();`, 'js');
if (/<\/(script|style)/i.test(style + script)) throw new Error('a part holds the end of a script or style');

// No element of the page keeps the spaces at the beginning of a line.
const flush = text => text.replace(/^ +/gm, '');
const page = `${flush(part('head.html'))}<style>${style}</style>\n${flush(part('body.html'))}<script>${script}</script>\n</body>\n</html>\n`;
const hash = text => `sha256-${createHash('sha256').update(text).digest('base64')}`;
const policy = new URL('crates/admin/src/page.rs', root), file = new URL('crates/admin/src/page.html', root);
const before = readFileSync(policy, 'utf8');
const after = before.replace(/script-src '[^']*'/, `script-src '${hash(script)}'`).replace(/style-src '[^']*'/, `style-src '${hash(style)}'`);

if (mode === '--check') {
  if (readFileSync(file, 'utf8') !== page || before !== after) {
    console.error('src/page.html is not what its parts make: run crates/admin/page/build.sh');
    process.exit(1);
  }
} else {
  writeFileSync(file, page);
  if (before !== after) writeFileSync(policy, after);
}
const bytes = Buffer.byteLength(page), packed = gzipSync(page, { level: 9 }).length;
console.log(`page: ${bytes} bytes, ${packed} compressed`);
if (mode !== '--plain' && bytes > 110_000) {
  console.error('page: 110,000 bytes are allowed');
  process.exit(1);
}
