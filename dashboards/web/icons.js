// @ts-check
/** One path each, 24 px, drawn with a stroke. Never: an icon as the only bearer of a meaning. */
import { html } from './html.js';

const PATHS = {
  pulse: 'M3 12h4l3-8 4 16 3-8h4',
  traces: 'M4 6h9M8 12h11M6 18h7',
  dollar: 'M12 3v18M16.5 7.5c-.8-1.4-2.5-2-4.5-2-2.6 0-4.5 1.200-4.500 3.200 0 4.600 9.300 2 9.300 6.800 0 2-2 3.200-4.800 3.200-2.300 0-4.200-.8-5-2.400',
  purse: 'M4 7h14a2 2 0 0 1 2 2v9a2 2 0 0 1-2 2H4ZM4 7l11-3v3M15.500 13.500h.2',
  target: 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM12 16.500a4.500 4.500 0 1 0 0-9 4.500 4.500 0 0 0 0 9ZM12 12v.2',
  layers: 'M12 3l9 5-9 5-9-5ZM4 12.500l8 4.500 8-4.500M4 16.500l8 4.500 8-4.500',
  settings: 'M4 7h10M18 7h2M4 17h2M10 17h10M16 5v4M8 15v4M4 12h16',
  search: 'M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14ZM16 16l5 5',
  clock: 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM12 7v5l3 2',
  tick: 'M5 12.500l4.500 4.500L19 7.500',
  triangle: 'M12 4 2.500 20h19ZM12 10v4.500M12 17v.2',
  octagon: 'M8.200 3h7.600L21 8.200v7.600L15.800 21H8.200L3 15.800V8.200ZM12 7.500v5M12 16v.2',
  question: 'M9 9.200c.3-1.800 1.500-2.700 3.200-2.700 1.800 0 3 1.100 3 2.700 0 2.300-3 2.400-3 4.800M12.200 17.500v.2',
  dash: 'M6 12h12',
  wave: 'M4 14c3-6 5-6 8-2s5 4 8-2',
  sound: 'M4 10v4M8 7v10M12 4v16M16 8v8M20 10.500v3',
  pause: 'M8 5v14M16 5v14',
  play: 'M7 5l12 7-12 7Z',
  cross: 'M6 6l12 12M18 6 6 18',
  plus: 'M12 5v14M5 12h14',
  copy: 'M9 9h11v11H9ZM5 15H4V4h11v1',
  down: 'M6 9l6 6 6-6',
  right: 'M9 6l6 6-6 6',
  table: 'M4 5h16v14H4ZM4 10h16M4 15h16M10 5v14',
  download: 'M12 4v11M7 11l5 5 5-5M5 20h14',
  upload: 'M12 15V4M7 8l5-5 5 5M5 20h14',
  filter: 'M4 5h16l-6 8v6l-4-2v-4Z',
  link: 'M10 14a4 4 0 0 0 6 0l3-3a4 4 0 0 0-6-6l-1 1M14 10a4 4 0 0 0-6 0l-3 3a4 4 0 0 0 6 6l1-1',
  refresh: 'M20 11a8 8 0 1 0-2 6M20 4v7h-7',
  sort: 'M8 5v14M5 16l3 3 3-3M16 19V5M13 8l3-3 3 3',
  bell: 'M6 17V11a6 6 0 0 1 12 0v6l1.500 2h-15ZM10 21.500h4',
  silence: 'M6 17V11a6 6 0 0 1 9-5.200M18 11v6l1.500 2h-15M4 4l16 16',
  lines: 'M4 6h16M4 10h10M4 14h16M4 18h7',
  more: 'M5 12h.2M12 12h.2M19 12h.2',
  star: 'M12 3.500l2.600 5.400 5.900.800-4.300 4.100 1 5.900-5.200-2.800-5.200 2.800 1-5.900-4.300-4.100 5.900-.800Z',
  key: 'M14.500 13a4.500 4.500 0 1 0-4-2.500L4 17v3h3v-2h2v-2h2l1.500-1.500c.6.300 1.300.5 2 .5ZM16 8.500v.2',
};

/** @param {{name: string, class?: string}} props */
export function Icon({ name, class: extra = '' }) {
  return html`<svg class=${`icon ${extra}`} viewBox="0 0 24 24" aria-hidden="true" focusable="false"><path d=${PATHS[/** @type {keyof typeof PATHS} */ (name)]} /></svg>`;
}

export function Logo() {
  return html`<svg class="logo" viewBox="0 0 24 24" aria-hidden="true"><rect width="24" height="24" rx="6" /><path d="M5 8h10M7 12h12M5 16h7" /></svg>`;
}
