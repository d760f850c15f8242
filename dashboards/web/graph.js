// @ts-check
/**
 * Who calls whom, laid out in layers from callers to called. Pure.
 *
 * Given: calls between services. Gives: a place for each service, near to those it talks to. Never: a service left out because calls go in a circle.
 */

/** @typedef {{parent: string, child: string, calls: number}} Edge */
/** @typedef {{name: string, layer: number, row: number}} Node */

const ROUNDS = 6;

/** The edges with most calls, of at most so many services. @param {Edge[]} edges @param {number} most @returns {{edges: Edge[], left: number}} */
export function busiest(edges, most) {
  /** @type {Set<string>} */
  const names = new Set();
  const kept = [];
  for (const edge of [...edges].sort((a, b) => b.calls - a.calls)) {
    const more = [edge.parent, edge.child].filter((name) => !names.has(name));
    if (names.size + more.length > most) continue;
    more.forEach((name) => names.add(name));
    kept.push(edge);
  }
  const all = new Set(edges.flatMap((edge) => [edge.parent, edge.child]));
  return { edges: kept, left: all.size - names.size };
}

/** The calls that close no circle, walked from those that call more than they are called. @param {string[]} names @param {Edge[]} edges @returns {Map<string, string[]>} the callers of each */
function straight(names, edges) {
  const out = new Map(names.map((name) => [name, edges.filter((edge) => edge.parent === name).map((edge) => edge.child)]));
  const called = (/** @type {string} */ name) => edges.filter((edge) => edge.child === name).length;
  const callers = new Map(names.map((name) => [name, /** @type {string[]} */ ([])]));
  /** @type {Map<string, 'open' | 'done'>} */
  const seen = new Map();
  const visit = (/** @type {string} */ name) => {
    seen.set(name, 'open');
    for (const child of out.get(name) ?? []) {
      if (seen.get(child) === 'open') continue;
      callers.get(child)?.push(name);
      if (!seen.has(child)) visit(child);
    }
    seen.set(name, 'done');
  };
  const order = [...names].sort((a, b) => called(a) - (out.get(a)?.length ?? 0) - (called(b) - (out.get(b)?.length ?? 0)) || a.localeCompare(b));
  for (const name of order) if (!seen.has(name)) visit(name);
  return callers;
}

/** One more than the farthest of its callers. @param {string[]} names @param {Edge[]} edges @returns {Map<string, number>} */
function layersOf(names, edges) {
  const callers = straight(names, edges);
  /** @type {Map<string, number>} */
  const found = new Map();
  const layer = (/** @type {string} */ name) => {
    const known = found.get(name);
    if (known !== undefined) return known;
    const own = Math.max(-1, ...(callers.get(name) ?? []).map(layer)) + 1;
    found.set(name, own);
    return own;
  };
  names.forEach(layer);
  return found;
}

/** @param {Edge[]} edges @returns {{nodes: Node[], layers: number, rows: number}} */
export function layout(edges) {
  const names = [...new Set(edges.flatMap((edge) => [edge.parent, edge.child]))].sort();
  const layerOf = layersOf(names, edges);
  const count = Math.max(0, ...layerOf.values()) + 1;
  const layers = Array.from({ length: count }, (_, number) => names.filter((name) => layerOf.get(name) === number));
  const rowOf = new Map(layers.flatMap((layer) => layer.map((name, row) => [name, row])));
  for (let round = 0; round < ROUNDS; round += 1) { // towards the middle of those it talks to, so that fewer lines cross
    for (const layer of layers) {
      const middle = new Map(layer.map((name) => {
        const near = edges.filter((edge) => edge.parent === name || edge.child === name).map((edge) => Number(rowOf.get(edge.parent === name ? edge.child : edge.parent)));
        return [name, near.reduce((sum, row) => sum + row, 0) / (near.length || 1)];
      }));
      layer.sort((a, b) => Number(middle.get(a)) - Number(middle.get(b)) || a.localeCompare(b));
      layer.forEach((name, row) => rowOf.set(name, row));
    }
  }
  const nodes = layers.flatMap((layer, number) => layer.map((name, row) => ({ name, layer: number, row })));
  return { nodes, layers: count, rows: Math.max(0, ...layers.map((layer) => layer.length)) };
}
