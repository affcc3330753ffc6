// Geometry of what a scene holds: prisms, meshes, windows, dots on walls, flats on storeys, trees.
import * as THREE from "three";
import { mergeVertices } from "three/examples/jsm/utils/BufferGeometryUtils.js";
import { metres } from "./data.js";

export function rings(scene, name) {
  const a = scene.arrays;
  const xy = metres(a[`${name}.xy`], 2);
  const ring = a[`${name}.ring`], poly = a[`${name}.poly`];
  return {
    count: poly.length - 1,
    first: (k) => xy.subarray(2 * ring[poly[k]], 2 * ring[poly[k]] + 2),
    // rings of a polygon, each an array of points without the closing one
    of(k) {
      const found = [];
      for (let r = poly[k]; r < poly[k + 1]; r++) {
        const points = [];
        for (let i = ring[r]; i < ring[r + 1] - 1; i++) points.push(new THREE.Vector2(xy[2 * i], xy[2 * i + 1]));
        if (points.length > 2) found.push(points);
      }
      return found;
    },
  };
}

// Triangles with a normal and an owner at each corner, in arrays that grow; lines beside them.
class Mesher {
  constructor() {
    this.count = this.faces = this.ends = 0;
    this.xyz = new Float32Array(3 << 10);
    this.normal = new Int8Array(4 << 10); // four bytes a corner keep graphics cards aligned
    this.owner = new Int32Array(1 << 10);
    this.index = new Uint32Array(3 << 10);
    this.lines = new Float32Array(3 << 10);
  }
  room(name, needed) {
    if (needed <= this[name].length) return;
    const grown = new this[name].constructor(Math.max(2 * this[name].length, needed));
    grown.set(this[name]);
    this[name] = grown;
  }
  corner(x, y, z, nx, ny, nz, owner) {
    const k = this.count++;
    this.room("xyz", 3 * k + 3);
    this.room("normal", 4 * k + 4);
    this.room("owner", k + 1);
    this.xyz[3 * k] = x; this.xyz[3 * k + 1] = y; this.xyz[3 * k + 2] = z;
    this.normal[4 * k] = 127 * nx; this.normal[4 * k + 1] = 127 * ny; this.normal[4 * k + 2] = 127 * nz;
    this.owner[k] = owner;
    return k;
  }
  face(i, j, k) {
    this.room("index", this.faces + 3);
    this.index[this.faces++] = i; this.index[this.faces++] = j; this.index[this.faces++] = k;
  }
  line(...xyz) {
    this.room("lines", this.ends + 6);
    this.lines.set(xyz, this.ends);
    this.ends += 6;
  }
  triangle([a, b, c], owner) {
    const n = new THREE.Vector3(b[0] - a[0], b[1] - a[1], b[2] - a[2])
      .cross(new THREE.Vector3(c[0] - a[0], c[1] - a[1], c[2] - a[2])).normalize();
    this.face(...[a, b, c].map((p) => this.corner(...p, n.x, n.y, n.z, owner)));
  }
  prism(outline, base, top, owner, edges, floor = true) {
    for (const points of outline) {
      const hole = points !== outline[0], turn = THREE.ShapeUtils.isClockWise(points) === hole ? 1 : -1;
      for (let i = 0; i < points.length; i++) {
        const p = points[i], q = points[(i + 1) % points.length];
        const long = Math.hypot(q.x - p.x, q.y - p.y) || 1, nx = (turn * (q.y - p.y)) / long, ny = (turn * (p.x - q.x)) / long;
        const a = this.corner(p.x, p.y, base, nx, ny, 0, owner), b = this.corner(q.x, q.y, base, nx, ny, 0, owner);
        const c = this.corner(q.x, q.y, top, nx, ny, 0, owner), d = this.corner(p.x, p.y, top, nx, ny, 0, owner);
        if (turn > 0) { this.face(a, b, c); this.face(a, c, d); } else { this.face(a, c, b); this.face(a, d, c); }
        if (edges) { this.line(p.x, p.y, top, q.x, q.y, top); this.line(p.x, p.y, base, p.x, p.y, top); }
      }
    }
    this.cap(outline, top, owner, false);
    if (floor) this.cap(outline, base, owner, true);
  }
  cap(outline, z, owner, down) {
    const first = this.count, all = outline.length > 1 ? outline.flat() : outline[0];
    for (const p of all) this.corner(p.x, p.y, z, 0, 0, down ? -1 : 1, owner);
    for (const [i, j, k] of THREE.ShapeUtils.triangulateShape(outline[0], outline.slice(1))) {
      const [a, b, c] = [all[i], all[j], all[k]];
      const left = (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x) > 0;
      if (left !== down) this.face(first + i, first + j, first + k);
      else this.face(first + i, first + k, first + j);
    }
  }
  geometry() {
    const g = new THREE.BufferGeometry(), n = this.count;
    g.setAttribute("position", new THREE.BufferAttribute(this.xyz.slice(0, 3 * n), 3));
    g.setAttribute("normal", new THREE.InterleavedBufferAttribute(new THREE.InterleavedBuffer(this.normal.slice(0, 4 * n), 4), 3, 0, true));
    g.setAttribute("color", new THREE.BufferAttribute(new Uint8Array(4 * n), 4, true));
    g.setIndex(new THREE.BufferAttribute(this.index.slice(0, this.faces), 1));
    g.userData.owner = this.owner.slice(0, n);
    return g;
  }
  edges() {
    const g = new THREE.BufferGeometry();
    g.setAttribute("position", new THREE.BufferAttribute(this.lines.slice(0, this.ends), 3));
    return g;
  }
}

// Whose face of a geometry it is.
export const ownerOf = (geometry, face) => geometry.userData.owner[geometry.index.array[3 * face]];

// Squares of the plan, about `each` buildings in one: what is out of sight is not drawn.
export function tiling(scene, outlines, each = 60) {
  const a = scene.arrays, n = scene.buildings.id.length, at = new Float64Array(2 * n).fill(NaN);
  const side = Math.min(8, Math.max(1, Math.ceil(Math.sqrt(n / each)))), [west, south, east, north] = scene.box;
  const cell = (x, y) => {
    const clip = (v) => Math.min(Math.max(Math.floor(v * side), 0), side - 1);
    return clip((x - west) / (east - west)) + side * clip((y - south) / (north - south));
  };
  a["prism.owner"].forEach((b, k) => { if (b >= 0 && Number.isNaN(at[2 * b])) [at[2 * b], at[2 * b + 1]] = outlines.first(k); });
  if (a["mesh.owner"]) {
    const xyz = metres(a["mesh.xyz"], 3);
    a["mesh.owner"].forEach((b, t) => { if (b >= 0) { at[2 * b] = xyz[9 * t]; at[2 * b + 1] = xyz[9 * t + 1]; } });
  }
  const of = Uint8Array.from({ length: n }, (_, b) => (Number.isNaN(at[2 * b]) ? 0 : cell(at[2 * b], at[2 * b + 1])));
  return { count: side * side, of: (b) => (b < 0 ? 0 : of[b]) };
}

// Buildings of the given states, cut above a level, a mesher a tile; `keep(building)` says whether one is drawn.
export function buildingGeometry(scene, outlines, tiles, keep, cut) {
  const a = scene.arrays, made = Array.from({ length: tiles.count }, () => new Mesher());
  const edges = outlines.count <= 30000, foot = new Map();
  a["prism.owner"].forEach((b, k) => foot.set(b, Math.min(foot.get(b) ?? Infinity, a["prism.base"][k])));
  for (let k = 0; k < outlines.count; k++) {
    const owner = a["prism.owner"][k];
    if (!keep(owner)) continue;
    const base = a["prism.base"][k] / 100;
    const top = Math.min(a["prism.top"][k] / 100, owner >= 0 ? cut(owner) : Infinity);
    if (top <= base + 0.01) continue;
    const outline = outlines.of(k);
    if (outline.length) made[tiles.of(owner)].prism(outline, base, top, owner, edges, a["prism.base"][k] > foot.get(owner) + 1);
  }
  if (a["mesh.owner"]) {
    const xyz = metres(a["mesh.xyz"], 3);
    a["mesh.owner"].forEach((owner, t) => {
      if (keep(owner)) made[tiles.of(owner)].triangle([0, 3, 6].map((j) => xyz.slice(9 * t + j, 9 * t + j + 3)), owner);
    });
  }
  return made.filter((m) => m.faces);
}

// What of one building lies between two heights, a little larger than it is.
export function partOf(scene, outlines, owner, low = -Infinity, high = Infinity) {
  const a = scene.arrays, part = new Mesher();
  for (let k = 0; k < outlines.count; k++) {
    if (a["prism.owner"][k] !== owner) continue;
    const base = Math.max(a["prism.base"][k] / 100, low), top = Math.min(a["prism.top"][k] / 100, high);
    const outline = outlines.of(k);
    if (top > base && outline.length) part.prism(outline, base - 0.05, top + 0.05, owner, true);
  }
  if (!part.faces && a["mesh.owner"]) {
    const xyz = metres(a["mesh.xyz"], 3);
    a["mesh.owner"].forEach((o, t) => { if (o === owner) part.triangle([0, 3, 6].map((j) => xyz.slice(9 * t + j, 9 * t + j + 3)), owner); });
  }
  return { solid: part.geometry(), lines: part.edges() };
}

// Upright rectangles on walls: windows, or the surroundings of receptors.
export function plateGeometry(rows, place) {
  const n = rows.length, xyz = new Float32Array(12 * n), index = new Uint32Array(6 * n), owner = new Int32Array(4 * n), lift = 0.06;
  rows.forEach((row, i) => {
    const { centre: [x, y, z], normal: [nx, ny, nz], width, height } = place(row), flat = Math.abs(nz) > 0.7;
    const ax = flat ? width / 2 : (-ny * width) / 2, ay = flat ? 0 : (nx * width) / 2, by = flat ? height / 2 : 0, bz = flat ? 0 : height / 2;
    let o = 12 * i;
    for (const [s, t] of [[-1, -1], [1, -1], [1, 1], [-1, 1]]) {
      xyz[o++] = x + lift * nx + s * ax;
      xyz[o++] = y + lift * ny + s * ay + t * by;
      xyz[o++] = z + lift * nz + t * bz;
    }
    index.set([4 * i, 4 * i + 1, 4 * i + 2, 4 * i, 4 * i + 2, 4 * i + 3], 6 * i);
    owner.fill(row, 4 * i, 4 * i + 4);
  });
  const g = new THREE.BufferGeometry();
  g.setAttribute("position", new THREE.BufferAttribute(xyz, 3));
  g.setAttribute("color", new THREE.BufferAttribute(new Uint8Array(16 * n), 4, true));
  g.setIndex(new THREE.BufferAttribute(index, 1));
  g.userData.owner = owner;
  return g;
}

export function flatGeometry(outlines, rows, height) {
  const flats = new Mesher();
  for (const k of rows) {
    const outline = outlines.of(k);
    if (outline.length) flats.cap(outline, height(k), k, false);
  }
  return flats.geometry();
}

// Give every corner the colour of its owner.
export function paint(geometry, colour) {
  const { owner } = geometry.userData, out = geometry.attributes.color.array, memory = new Map();
  let last = NaN, rgb;
  for (let k = 0; k < owner.length; k++) {
    if (owner[k] !== last) {
      const hex = colour((last = owner[k]));
      if (!memory.has(hex)) { const c = new THREE.Color(hex); memory.set(hex, [255 * c.r, 255 * c.g, 255 * c.b, 255].map(Math.round)); }
      rgb = memory.get(hex);
    }
    out.set(rgb, 4 * k);
  }
  geometry.attributes.color.needsUpdate = true;
}

export function treeMesh(scene) {
  const a = scene.arrays;
  if (!a["tree.r"]?.length) return null;
  const xyz = metres(a["tree.xyz"], 3);
  const round = new THREE.IcosahedronGeometry(1, a["tree.r"].length > 3000 ? 0 : 1);
  const ball = mergeVertices(round.deleteAttribute("uv").deleteAttribute("normal"));
  ball.computeVertexNormals();
  const mesh = new THREE.InstancedMesh(
    ball, new THREE.MeshLambertMaterial({ color: scene.colours.tree }), a["tree.r"].length,
  );
  const m = new THREE.Matrix4();
  a["tree.r"].forEach((r, i) => {
    const low = a["tree.base"][i] / 100, high = Math.max(a["tree.top"][i] / 100, low + 0.5);
    m.makeScale(r / 100, r / 100, (high - low) / 2);
    m.setPosition(xyz[3 * i], xyz[3 * i + 1], xyz[3 * i + 2] + (low + high) / 2);
    mesh.setMatrixAt(i, m);
  });
  mesh.castShadow = true;
  return mesh;
}
