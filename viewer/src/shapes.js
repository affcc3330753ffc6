// Geometry of what a scene holds: prisms, meshes, windows, dots on walls, flats on storeys, trees.
import * as THREE from "three";
import { metres } from "./data.js";

export function rings(scene, name) {
  const a = scene.arrays;
  const xy = metres(a[`${name}.xy`], 2);
  const ring = a[`${name}.ring`], poly = a[`${name}.poly`];
  return {
    count: poly.length - 1,
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

class Soup {
  constructor() { this.xyz = []; this.owner = []; this.lines = []; }
  triangle(a, b, c, owner) { this.xyz.push(...a, ...b, ...c); this.owner.push(owner); }
  prism(outline, base, top, owner, edges) {
    for (const points of outline) {
      for (let i = 0; i < points.length; i++) {
        const p = points[i], q = points[(i + 1) % points.length];
        const a = [p.x, p.y, base], b = [q.x, q.y, base], c = [q.x, q.y, top], d = [p.x, p.y, top];
        this.triangle(a, b, c, owner);
        this.triangle(a, c, d, owner);
        if (edges) this.lines.push(...d, ...c, ...a, ...d);
      }
    }
    this.cap(outline, top, owner, false);
    this.cap(outline, base, owner, true);
  }
  cap(outline, z, owner, down) {
    const all = outline.flat();
    for (const [i, j, k] of THREE.ShapeUtils.triangulateShape(outline[0], outline.slice(1))) {
      const [a, b, c] = [all[i], all[j], all[k]].map((p) => [p.x, p.y, z]);
      const left = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]) > 0;
      if (left !== down) this.triangle(a, b, c, owner);
      else this.triangle(a, c, b, owner);
    }
  }
  geometry() {
    const g = new THREE.BufferGeometry();
    g.setAttribute("position", new THREE.BufferAttribute(new Float32Array(this.xyz), 3));
    g.setAttribute("color", new THREE.BufferAttribute(new Float32Array(this.xyz.length), 3));
    g.computeVertexNormals();
    g.userData.owner = Int32Array.from(this.owner);
    g.userData.each = 1;
    return g;
  }
}

// Buildings of the given states, cut above a level; `keep(building)` says whether it is drawn.
export function buildingGeometry(scene, outlines, keep, cut) {
  const a = scene.arrays, soup = new Soup();
  const edges = outlines.count <= 30000;
  for (let k = 0; k < outlines.count; k++) {
    const owner = a["prism.owner"][k];
    if (owner >= 0 ? !keep(owner) : !keep(-1)) continue;
    const base = a["prism.base"][k] / 100;
    const top = Math.min(a["prism.top"][k] / 100, owner >= 0 ? cut(owner) : Infinity);
    if (top <= base + 0.01) continue;
    const outline = outlines.of(k);
    if (outline.length) soup.prism(outline, base, top, owner, edges);
  }
  if (a["mesh.owner"]) {
    const xyz = metres(a["mesh.xyz"], 3);
    a["mesh.owner"].forEach((owner, t) => {
      if (!keep(owner)) return;
      const at = (j) => [xyz[9 * t + 3 * j], xyz[9 * t + 3 * j + 1], xyz[9 * t + 3 * j + 2]];
      soup.triangle(at(0), at(1), at(2), owner);
    });
  }
  const lines = new THREE.BufferGeometry();
  lines.setAttribute("position", new THREE.BufferAttribute(new Float32Array(soup.lines), 3));
  return { solid: soup.geometry(), lines };
}

// What of one building lies between two heights, a little larger than it is.
export function partOf(scene, outlines, owner, low = -Infinity, high = Infinity) {
  const a = scene.arrays, soup = new Soup();
  for (let k = 0; k < outlines.count; k++) {
    if (a["prism.owner"][k] !== owner) continue;
    const base = Math.max(a["prism.base"][k] / 100, low), top = Math.min(a["prism.top"][k] / 100, high);
    const outline = outlines.of(k);
    if (top > base && outline.length) soup.prism(outline, base - 0.05, top + 0.05, owner, true);
  }
  if (!soup.owner.length && a["mesh.owner"]) {
    const xyz = metres(a["mesh.xyz"], 3);
    a["mesh.owner"].forEach((o, t) => {
      const at = (j) => xyz.slice(9 * t + 3 * j, 9 * t + 3 * j + 3);
      if (o === owner) soup.triangle(at(0), at(1), at(2), owner);
    });
  }
  const lines = new THREE.BufferGeometry();
  lines.setAttribute("position", new THREE.BufferAttribute(new Float32Array(soup.lines), 3));
  return { solid: soup.geometry(), lines };
}

function quad(xyz, o, centre, along, up) {
  const [ax, ay] = along, uz = up[2];
  const corner = (s, t) => [centre[0] + s * ax + t * up[0], centre[1] + s * ay + t * up[1], centre[2] + s * (along[2] || 0) + t * uz];
  const p = [corner(-1, -1), corner(1, -1), corner(1, 1), corner(-1, 1)];
  [p[0], p[1], p[2], p[0], p[2], p[3]].forEach((v, i) => xyz.set(v, o + 3 * i));
}

// Upright rectangles on walls: windows, or the surroundings of receptors.
export function plateGeometry(rows, place) {
  const xyz = new Float32Array(rows.length * 18);
  rows.forEach((row, i) => {
    const { centre, normal, width, height } = place(row);
    const flat = Math.abs(normal[2]) > 0.7;
    const along = flat ? [width / 2, 0, 0] : [-normal[1] * width / 2, normal[0] * width / 2, 0];
    const up = flat ? [0, height / 2, 0] : [0, 0, height / 2];
    const lift = 0.06;
    quad(xyz, 18 * i, [centre[0] + lift * normal[0], centre[1] + lift * normal[1], centre[2] + lift * normal[2]], along, up);
  });
  const g = new THREE.BufferGeometry();
  g.setAttribute("position", new THREE.BufferAttribute(xyz, 3));
  g.setAttribute("color", new THREE.BufferAttribute(new Float32Array(xyz.length), 3));
  g.computeVertexNormals();
  g.userData.owner = Int32Array.from(rows);
  g.userData.each = 2;
  return g;
}

export function flatGeometry(outlines, rows, height) {
  const soup = new Soup();
  for (const k of rows) {
    const outline = outlines.of(k);
    if (outline.length) soup.cap(outline, height(k), k, false);
  }
  return soup.geometry();
}

// Give every triangle the colour of its owner.
export function paint(geometry, colour) {
  const { owner, each } = geometry.userData, out = geometry.attributes.color.array;
  const memory = new Map();
  for (let k = 0; k < owner.length; k++) {
    const hex = colour(owner[k]);
    let c = memory.get(hex);
    if (!c) memory.set(hex, (c = new THREE.Color(hex)));
    for (let v = 9 * each * k; v < 9 * each * (k + 1); v += 3) { out[v] = c.r; out[v + 1] = c.g; out[v + 2] = c.b; }
  }
  geometry.attributes.color.needsUpdate = true;
}

export function treeMesh(scene) {
  const a = scene.arrays;
  if (!a["tree.r"]?.length) return null;
  const xyz = metres(a["tree.xyz"], 3);
  const mesh = new THREE.InstancedMesh(
    new THREE.IcosahedronGeometry(1, 1), new THREE.MeshLambertMaterial({ color: scene.colours.tree }), a["tree.r"].length,
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
