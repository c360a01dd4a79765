// Puts the page together; `build.sh` calls it.

import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import { readFileSync, writeFileSync } from 'node:fs';
import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib';

const root = new URL('../../../', import.meta.url), here = new URL('crates/admin/page/', root);
const tool = createRequire(new URL('target/tools/page/', root)), { transformSync } = tool('esbuild'), { minify } = tool('terser');
const [mode] = process.argv.slice(2);
if (mode && !['--check', '--plain'].includes(mode)) throw new Error(`build.sh knows --check and --plain, not ${mode}`);

const part = name => readFileSync(new URL(name, here), 'utf8');
const STYLES = ['base', 'work', 'more'];
// What is defined in one is seen by all; what runs at once needs those before it: `dom` is first and
// `main` last. The others stand as they compress best.
const SCRIPTS = [
  'dom', 'words', 'link', 'look', 'sentences', 'head', 'model', 'filters', 'spark', 'blank', 'table', 'cards', 'chart', 'drawer',
  'panes', 'commands', 'incidents', 'keys', 'main',
];

// Long names of fields that stand in no answer of the service, but are the page's own.
const OWN = /^(isRefused|isWanted|isShaky|isPolling|isLookedAt|isBrief|titleHeard|heardAt|waitsUntil|gaveUp|keepsHistory|audited|fleetAt|samplesFrom|overrideEnds|detailOf|hourAt|retryAt|canFleet|dress|failing)$/;
const options = { minify: true, charset: 'utf8', target: 'es2022', mangleProps: OWN };
const isPlain = mode === '--plain';
const squeezed = (code, loader) => isPlain ? code : transformSync(code, { loader, ...options }).code.trim();
// What esbuild leaves, terser makes smaller still. Of its options none that is called unsafe is on: once
// all is compressed they gain nothing.
const tight = async code => isPlain ? code : (await minify(code, { ecma: 2022, compress: { passes: 3 } })).code;

// The names of the style's own colours and lengths are for those who read it: the script asks for none.
function shortNames(style) {
  const uses = {};
  for (const [name] of style.matchAll(/--[\w-]+/g)) uses[name] = (uses[name] ?? 0) + 1;
  const names = Object.keys(uses).sort((a, z) => uses[z] - uses[a] || (a < z ? -1 : 1));
  const letters = [...'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'];
  if (names.length > letters.length) throw new Error('the style has more names than there are letters');
  return style.replace(/--[\w-]+/g, name => `--${letters[names.indexOf(name)]}`);
}

const styles = squeezed(STYLES.map(name => part(`style/${name}.css`)).join('\n'), 'css');
const style = isPlain ? styles : shortNames(styles);
const script = await tight(squeezed(`(() => {\n'use strict';\n${SCRIPTS.map(name => part(`script/${name}.js`)).join('\n')}\n})();`, 'js'));
if (script.includes("'--")) throw new Error('the script asks for a name of the style');
if (/<\/(script|style)/i.test(style + script)) throw new Error('a part holds the end of a script or style');

// No element of the page keeps the spaces at the beginning of a line.
const flush = text => text.replace(/^ +/gm, '');
const page = `${flush(part('head.html'))}<style>${style}</style>\n${flush(part('body.html'))}<script>${script}</script>\n</body>\n</html>\n`;
const hash = text => `sha256-${createHash('sha256').update(text).digest('base64')}`;
const policy = new URL('crates/admin/src/page.rs', root), file = new URL('crates/admin/src/page.html', root);
const packedFile = new URL('crates/admin/src/page.html.br', root);
const before = readFileSync(policy, 'utf8');
const after = before.replace(/script-src '[^']*'/, `script-src '${hash(script)}'`).replace(/style-src '[^']*'/, `style-src '${hash(style)}'`);

// By Brotli, whose settings gain a little here and lose a little there: the smallest of some.
function smallest(text) {
  const { BROTLI_PARAM_QUALITY, BROTLI_PARAM_LGWIN, BROTLI_PARAM_MODE, BROTLI_PARAM_NDIRECT, BROTLI_PARAM_SIZE_HINT } = constants;
  let best = null;
  for (const far of [17, 18, 22]) for (const near of [0, 1, 2, 3]) {
    for (const kind of [constants.BROTLI_MODE_GENERIC, constants.BROTLI_MODE_TEXT]) {
      const packed = brotliCompressSync(text, { params: {
        [BROTLI_PARAM_QUALITY]: 11, [BROTLI_PARAM_LGWIN]: far, [BROTLI_PARAM_MODE]: kind,
        [BROTLI_PARAM_NDIRECT]: near, [BROTLI_PARAM_SIZE_HINT]: Buffer.byteLength(text),
      } });
      if (!best || packed.length < best.length) best = packed;
    }
  }
  return best;
}

let packed;
if (mode === '--check') {
  packed = readFileSync(packedFile);
  // Another version of Brotli may write other bytes for the same page: what they say is compared.
  if (readFileSync(file, 'utf8') !== page || before !== after || brotliDecompressSync(packed).toString() !== page) {
    console.error('src/page.html and src/page.html.br are not what the parts make: run crates/admin/page/build.sh');
    process.exit(1);
  }
} else {
  packed = smallest(page);
  writeFileSync(file, page);
  writeFileSync(packedFile, packed);
  if (before !== after) writeFileSync(policy, after);
}
const bytes = Buffer.byteLength(page);
console.log(`page: ${bytes} bytes, ${packed.length} compressed`);
if (!isPlain && (bytes > 110_000 || packed.length > 33_000)) {
  console.error('page: 110,000 bytes are allowed, and 33,000 compressed');
  process.exit(1);
}
