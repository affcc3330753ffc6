// The ground: a surface with the plan painted on it, so that whatever lies flat follows the terrain.
import * as THREE from "three";
import { metres } from "./data.js";

export class Ground {
  constructor(scene, flats, soft) {
    this.scene = scene;
    this.soft = soft;
    this.flats = flats;
    const [west, south, east, north] = (this.box = scene.box);
    const [columns, rows] = scene.ground;
    this.z = Float32Array.from(scene.arrays["ground.z"], (v) => v / 100);
    this.columns = columns;
    this.rows = rows;
    const g = new THREE.PlaneGeometry(east - west, north - south, columns - 1, rows - 1);
    g.translate((west + east) / 2, (south + north) / 2, 0);
    const p = g.attributes.position;
    for (let i = 0; i < p.count; i++) p.setZ(i, this.elevation(p.getX(i), p.getY(i)) - 0.03);
    g.computeVertexNormals();
    this.mesh = new THREE.Mesh(g, new THREE.MeshLambertMaterial());
    this.mesh.receiveShadow = true;
    this.painted = new Map();
  }

  elevation(x, y) {
    const [west, south, east, north] = this.box;
    const u = Math.min(Math.max(((x - west) / (east - west)) * (this.columns - 1), 0), this.columns - 1);
    const v = Math.min(Math.max(((y - south) / (north - south)) * (this.rows - 1), 0), this.rows - 1);
    const i = Math.min(Math.floor(u), this.columns - 2), j = Math.min(Math.floor(v), this.rows - 2);
    const at = (c, r) => this.z[r * this.columns + c];
    const low = at(i, j) * (1 - u + i) + at(i + 1, j) * (u - i);
    const high = at(i, j + 1) * (1 - u + i) + at(i + 1, j + 1) * (u - i);
    return low * (1 - v + j) + high * (v - j);
  }

  // Paint the plan of a state, with squares of a result on top.
  show(state, dots, key, keep) {
    const name = `${state} ${key}`;
    if (!this.painted.has(name)) {
      if (this.painted.size > 12) { this.painted.forEach((t) => t.dispose()); this.painted.clear(); }
      this.painted.set(name, this.paint(state, dots, keep));
    }
    this.mesh.material.map = this.painted.get(name);
    this.mesh.material.needsUpdate = true;
  }

  paint(state, dots, keep) {
    const { scene, box: [west, south, east, north] } = this;
    const size = Math.max(east - west, north - south);
    const scale = Math.min(8, (this.soft ? 1536 : size > 900 ? 4096 : 2048) / size);
    const canvas = document.createElement("canvas");
    canvas.width = Math.round((east - west) * scale);
    canvas.height = Math.round((north - south) * scale);
    const pen = canvas.getContext("2d", { willReadFrequently: this.soft });
    pen.fillStyle = scene.colours.ground;
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.setTransform(scale, 0, 0, -scale, -west * scale, north * scale);
    const a = scene.arrays;
    const trace = (k) => this.flats.of(k).forEach((ring) => {
      ring.forEach((p, i) => (i ? pen.lineTo(p.x, p.y) : pen.moveTo(p.x, p.y)));
      pen.closePath();
    });
    scene.flat.palette.forEach(([colour], kind) => {
      pen.fillStyle = colour;
      pen.beginPath();
      for (let k = 0; k < this.flats.count; k++) {
        if (a["flat.kind"][k] === kind && a["flat.level"][k] === 0 && keep(a["flat.status"][k])) trace(k);
      }
      pen.fill("evenodd");
    });
    const xyz = metres(a["path.xyz"], 3), line = a["path.line"];
    pen.lineJoin = pen.lineCap = "round";
    for (let k = 0; k + 1 < line.length; k++) {
      if (!keep(a["path.status"][k])) continue;
      const [colour, width] = scene.path.palette[a["path.kind"][k]];
      pen.strokeStyle = colour;
      pen.lineWidth = Math.max(width, 1.3 / scale);
      pen.beginPath();
      for (let i = line[k]; i < line[k + 1]; i++) pen.lineTo(xyz[3 * i], xyz[3 * i + 1]);
      pen.stroke();
    }
    if (dots) {
      dots.each((x, y, colour, width) => {
        pen.fillStyle = colour;
        pen.fillRect(x - width / 2, y - width / 2, width, width);
      });
    }
    pen.strokeStyle = "#a2483b";
    pen.lineWidth = Math.max(0.9, 1.6 / scale);
    pen.setLineDash([8, 2.5, 1.5, 2.5]);
    const parcels = metres(a["parcel.xy"], 2), ring = a["parcel.ring"];
    for (let r = 0; r + 1 < ring.length; r++) {
      pen.beginPath();
      for (let i = ring[r]; i < ring[r + 1]; i++) pen.lineTo(parcels[2 * i], parcels[2 * i + 1]);
      pen.stroke();
    }
    const texture = new THREE.CanvasTexture(canvas);
    texture.colorSpace = THREE.SRGBColorSpace;
    if (this.soft) texture.minFilter = THREE.LinearMipmapNearestFilter;
    else texture.anisotropy = 8;
    return texture;
  }
}
