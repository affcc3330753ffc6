// The 3D view of cimkit: one module for the report page, a saved notebook and the live widget.
import * as THREE from "three";
import { both, clock, fromBase64, make, metres, swatch, unpack } from "./data.js";
import { Ground } from "./ground.js";
import { buildingGeometry, flatGeometry, ownerOf, paint, partOf, plateGeometry, rings, tiling, treeMesh } from "./shapes.js";
import { Stage } from "./stage.js";

const CHOSEN = 0xe0301e, LIT = "#f5b731", DARK = "#3b4a5a", NONE = 255;
const STATES = { after: (s) => s !== 2, before: (s) => s !== 1 };

class View {
  constructor(host, scene) {
    this.host = host;
    this.state = { mode: scene.modes[0]?.key, hour: 12, show: "after", level: 0, windows: true, trees: true };
    this.canvasHost = make("div", { class: "cim-canvas" });
    this.overlay = make("div", { class: "cim-over" });
    host.replaceChildren(this.canvasHost, this.overlay);
    this.stage = new Stage(this.canvasHost, scene.box, scene.top);
    this.load(scene);
    this.listen();
    host.cim = this;
  }

  load(scene) {
    this.scene = scene;
    const a = scene.arrays;
    this.outlines = rings(scene, "prism");
    this.roofs = null;
    this.flats = rings(scene, "flat");
    this.tiles = tiling(scene, this.outlines);
    this.levels = a["floor.level"].reduce((most, level) => Math.max(most, level), 0);
    this.mixed = new Set(a["building.status"]).size > 1;
    this.rows = new Map();
    const index = (kind, ids) => ids.forEach((id, k) => id && !this.rows.has(id) && this.rows.set(id, [kind, k]));
    index("building", scene.buildings.id);
    index("window", scene.windows.id);
    index("space", scene.flat.id);
    index("facility", scene.facilities.id);
    index("home", scene.homes);
    index("path", scene.path.id);
    index("parcel", scene.parcels);
    this.found = new Map();
    scene.findings.rows.forEach((f) => {
      if (!this.found.has(f[1])) this.found.set(f[1], []);
      this.found.get(f[1]).push(f);
    });
    if (!scene.modes.some((m) => m.key === this.state.mode)) this.state.mode = scene.modes[0]?.key;
    this.windowXyz = metres(a["window.xyz"], 3);
    this.facilityXyz = metres(a["facility.xyz"], 3);
    this.dots = {};
    for (const m of scene.modes) {
      if (m.at === "walls" || m.at === "ground") this.dots[m.key] = { xyz: metres(a[`${m.key}.xyz`], 3), size: a[`${m.key}.size`][0] / 100 };
    }
    if (scene.sun) this.state.hour = Math.min(Math.max(this.state.hour, scene.sun.band[0]), scene.sun.band[1]);
    if (this.ground) { this.stage.world.remove(this.ground.mesh, this.trees ?? new THREE.Object3D()); this.ground.painted.forEach((t) => t.dispose()); }
    this.ground = new Ground(scene, this.flats, this.stage.soft);
    this.trees = treeMesh(scene);
    this.stage.world.add(this.ground.mesh);
    if (this.trees) this.stage.world.add(this.trees);
    this.sunPath();
    this.rebuild();
    this.controls();
    this.choose(this.chosen, { look: false, tell: false });
  }

  get mode() { return this.scene.modes.find((m) => m.key === this.state.mode); }

  cut(building) {
    const { level } = this.state, a = this.scene.arrays;
    if (!level) return Infinity;
    let top = Infinity;
    const last = a["floor.first"][building + 1];
    for (let k = a["floor.first"][building]; k < last; k++) {
      if (a["floor.level"][k] > level) return top === Infinity ? a["floor.base"][k] / 100 : top;
      top = a["floor.top"][k] / 100;
    }
    return Infinity;
  }

  // Everything that depends on the state shown and on the storey it is cut above.
  rebuild() {
    const { stage, scene } = this, a = scene.arrays, status = a["building.status"];
    this.groups?.forEach((g) => { stage.world.remove(g); g.traverse((o) => o.geometry?.dispose()); });
    this.groups = [];
    const shown = this.state.show === "both" ? ["before", "after"] : [this.mixed ? this.state.show : "all"];
    for (const name of shown) {
      const keeps = STATES[name] ?? (() => true);
      const keep = (b) => b < 0 || keeps(status[b]);
      const group = new THREE.Group();
      group.name = name;
      const wall = new THREE.MeshLambertMaterial({ vertexColors: true, shadowSide: THREE.DoubleSide, side: a["mesh.owner"] ? THREE.DoubleSide : THREE.FrontSide });
      const edge = new THREE.LineBasicMaterial({ color: 0x39434c, transparent: true, opacity: 0.38 });
      for (const made of buildingGeometry(scene, this.outlines, this.tiles, keep, (b) => this.cut(b))) {
        const houses = new THREE.Mesh(made.geometry(), wall);
        houses.castShadow = houses.receiveShadow = true;
        houses.userData.kind = "building";
        group.add(houses);
        if (made.ends) group.add(new THREE.LineSegments(made.edges(), edge));
      }
      const below = (level, b) => !this.state.level || level <= this.state.level || !Number.isFinite(this.cut(b));
      const windows = Array.from({ length: this.tiles.count }, () => []);
      for (let k = 0; k < a["window.building"].length; k++) {
        const b = a["window.building"][k];
        if (keep(b) && below(a["window.level"][k], b)) windows[this.tiles.of(b)].push(k);
      }
      const pane = new THREE.MeshBasicMaterial({ vertexColors: true });
      for (const rows of windows.filter((w) => w.length)) {
        const glass = new THREE.Mesh(plateGeometry(rows, (k) => this.windowPlace(k)), pane);
        glass.userData.kind = "window";
        group.add(glass);
      }
      const flats = [];
      for (let k = 0; k < this.flats.count; k++) {
        const b = a["flat.building"][k];
        if (a["flat.level"][k] > 0 && keep(b) && keeps(a["flat.status"][k]) && below(a["flat.level"][k], b)) flats.push(k);
      }
      if (flats.length) {
        const floor = new THREE.Mesh(
          flatGeometry(this.flats, flats, (k) => a["flat.z"][k] / 100 + 0.07),
          new THREE.MeshLambertMaterial({ vertexColors: true, side: THREE.DoubleSide }),
        );
        floor.userData.kind = "space";
        floor.receiveShadow = true;
        group.add(floor);
      }
      const spots = [];
      a["facility.building"].forEach((b, k) => { if (keep(b) && keeps(a["facility.status"][k])) spots.push(k); });
      const pins = new THREE.InstancedMesh(new THREE.OctahedronGeometry(1), new THREE.MeshLambertMaterial({ color: 0x24506e }), spots.length);
      const size = Math.min(Math.max(stage.reach / 220, 1.1), 6);
      spots.forEach((k, i) => {
        const [x, y, z] = this.facilityPlace(k);
        pins.setMatrixAt(i, new THREE.Matrix4().makeScale(size, size, 1.4 * size).setPosition(x, y, z + 1.6 * size));
      });
      pins.userData = { kind: "facility", rows: spots };
      group.add(pins);
      this.groups.push(group);
      stage.world.add(group);
    }
    this.colour();
    stage.views = this.groups.map((group) => ({
      prepare: () => {
        this.groups.forEach((g) => { g.visible = g === group; });
        if (this.groups.length > 1) this.showGround(group.name);
        this.far(group);
      },
    }));
    this.host.classList.toggle("cim-two", this.groups.length > 1);
    stage.shade();
  }

  // Windows too small to be seen are left out, and further ones while the picture moves.
  far(group) {
    const { stage, mode } = this, hours = mode?.at === "windows";
    for (const mesh of group.children) {
      if (mesh.isLineSegments) mesh.visible = !stage.rough;
      if (mesh.userData.kind !== "window") continue;
      if (!mesh.geometry.boundingSphere) mesh.geometry.computeBoundingSphere();
      const { center, radius } = mesh.geometry.boundingSphere;
      const size = 1.5 / stage.metresPerPixel(Math.max(stage.camera.position.distanceTo(center) - radius, 1));
      mesh.visible = (this.state.windows || hours) && size > (stage.rough ? 2 : hours ? 0.3 : 0.8);
    }
  }

  windowPlace(k) {
    const a = this.scene.arrays, p = this.windowXyz, az = (a["window.azimuth"][k] * Math.PI) / 1800;
    const height = a["window.height"][k] / 100;
    return {
      centre: [p[3 * k], p[3 * k + 1], p[3 * k + 2] + height / 2], height,
      normal: [Math.sin(az), Math.cos(az), 0], width: a["window.width"][k] / 100,
    };
  }

  facilityPlace(k) {
    const a = this.scene.arrays, b = a["facility.building"][k], p = this.facilityXyz;
    const top = b >= 0 && Number.isFinite(this.roof(b)) ? this.roof(b) : this.ground.elevation(p[3 * k], p[3 * k + 1]);
    return [p[3 * k], p[3 * k + 1], Math.max(top, p[3 * k + 2])];
  }

  roof(building) {
    const a = this.scene.arrays;
    if (!this.roofs) {
      this.roofs = new Float64Array(this.scene.buildings.id.length).fill(-Infinity);
      a["prism.owner"].forEach((b, k) => { if (b >= 0) this.roofs[b] = Math.max(this.roofs[b], a["prism.top"][k] / 100); });
    }
    return Math.min(this.roofs[building], this.cut(building));
  }

  lit(mode, k) {
    const a = this.scene.arrays, t = this.state.hour * 1800;
    for (let i = a[`${mode.light}.first`][k]; i < a[`${mode.light}.first`][k + 1]; i++) {
      if (a[`${mode.light}.start`][i] <= t && t <= a[`${mode.light}.end`][i]) return true;
    }
    return false;
  }

  // Colour of one receptor: by class, or lit and dark at the hour.
  dotColour(mode, k) {
    if (this.state.now && mode.light) return this.lit(mode, k) ? LIT : DARK;
    const code = this.scene.arrays[mode.classes][k];
    return code === NONE ? this.scene.colours.glass : mode.legend[code][0];
  }

  colour() {
    const { scene, mode } = this, a = scene.arrays, { wall, missing, glass } = scene.colours;
    const codes = mode?.buildings && a[mode.buildings];
    const house = (b) => {
      if (b < 0 || !mode || !codes) return wall;
      return codes[b] === NONE ? (mode.at || mode.unit ? "#eceae5" : missing) : mode.legend[codes[b]][0];
    };
    const pane = (k) => (mode?.at === "windows" ? this.dotColour(mode, k) : glass);
    const space = (k) => {
      const code = mode?.spaces ? a[mode.spaces][k] : NONE;
      return code === NONE ? scene.flat.palette[a["flat.kind"][k]][0] : mode.legend[code][0];
    };
    for (const group of this.groups) {
      for (const mesh of group.children) {
        const { kind } = mesh.userData;
        if (kind === "building") paint(mesh.geometry, house);
        else if (kind === "window") paint(mesh.geometry, pane);
        else if (kind === "space") paint(mesh.geometry, space);
      }
    }
    this.plates?.geometry.dispose();
    if (this.plates) this.stage.world.remove(this.plates);
    this.plates = null;
    if (mode?.at === "walls") {
      const { xyz, size } = this.dots[mode.key], n = a[`${mode.key}.normal`];
      const rows = [...a[mode.classes].keys()];
      const g = plateGeometry(rows, (k) => ({
        centre: [xyz[3 * k], xyz[3 * k + 1], xyz[3 * k + 2]], width: size, height: Math.min(size, 3),
        normal: [n[3 * k] / 100, n[3 * k + 1] / 100, n[3 * k + 2] / 100],
      }));
      paint(g, (k) => this.dotColour(mode, k));
      this.plates = new THREE.Mesh(g, new THREE.MeshBasicMaterial({ vertexColors: true, side: THREE.DoubleSide }));
      this.plates.userData.kind = "dot";
      this.stage.world.add(this.plates);
    }
    if (this.groups.length === 1) this.showGround(this.groups[0].name);
    this.stage.draw();
  }

  showGround(name) {
    const { mode } = this;
    const now = this.state.now && mode?.light ? this.state.hour : "";
    const spots = mode?.at === "ground" && this.dots[mode.key];
    const dots = spots && {
      each: (put) => {
        for (let k = 0; k < spots.xyz.length / 3; k++) put(spots.xyz[3 * k], spots.xyz[3 * k + 1], this.dotColour(mode, k), spots.size * 1.03);
      },
    };
    this.ground.show(name, dots, dots ? `${mode.key} ${now}` : "", STATES[name] ?? (() => true));
  }

  sunDirection(hour) {
    const [a, b, c] = this.scene.sun.circle, w = ((hour - 12) * Math.PI) / 12;
    return new THREE.Vector3(...[0, 1, 2].map((i) => a[i] + b[i] * Math.cos(w) + c[i] * Math.sin(w)));
  }

  // The sun's way over the day, and an arrow from where it stands.
  sunPath() {
    const { stage, scene } = this;
    if (this.sunLine) stage.world.remove(this.sunLine, this.arrow);
    if (!scene.sun) return stage.shine(new THREE.Vector3(-0.45, -0.6, 0.66));
    const points = [], r = 0.62 * stage.radius;
    for (let h = scene.sun.band[0]; h <= scene.sun.band[1] + 1e-6; h += 0.25) points.push(this.sunDirection(h).multiplyScalar(r).add(stage.centre));
    this.sunLine = new THREE.Line(new THREE.BufferGeometry().setFromPoints(points), new THREE.LineBasicMaterial({ color: 0xd99a2b }));
    this.arrow = new THREE.ArrowHelper(new THREE.Vector3(0, 0, -1), stage.centre, 0.16 * stage.radius, 0xd9821b, 0.07 * stage.radius, 0.035 * stage.radius);
    stage.world.add(this.sunLine, this.arrow);
    this.setHour(this.state.hour);
  }

  setHour(hour) {
    this.state.hour = hour;
    const { scene, stage } = this;
    if (!scene.sun) return;
    const way = this.sunDirection(hour);
    stage.shine(way);
    this.arrow.visible = this.sunLine.visible = this.state.arrow !== false;
    this.arrow.position.copy(way).multiplyScalar(0.62 * stage.radius).add(stage.centre);
    this.arrow.setDirection(way.clone().negate());
    if (this.state.now && this.groups) this.colour();
    const up = (Math.asin(way.z) * 180) / Math.PI, round = ((Math.atan2(way.x, way.y) * 180) / Math.PI + 360) % 360;
    this.hourText?.replaceChildren(make("b", {}, clock(hour)), " ", both([`solar time · sun ${up.toFixed(0)}° high, azimuth ${round.toFixed(0)}°`, `真太阳时 · 太阳高度角 ${up.toFixed(0)}°，方位角 ${round.toFixed(0)}°`]));
    if (this.slider) this.slider.value = hour;
    this.timeBarNow();
  }

  controls() {
    const { scene, state } = this;
    const option = (m) => make("option", { value: m.key, selected: m.key === state.mode }, this.say(m.title));
    this.modeBox = make("select", { "aria-label": "Colour by", onchange: (e) => this.setMode(e.target.value) }, ...scene.modes.map(option));
    const lever = (words, on, press) => {
      const b = make("button", { type: "button", "aria-pressed": String(on), onclick: () => press(b) }, both(words));
      return b;
    };
    const head = make("div", { class: "cim-box cim-head" }, make("label", {}, both(["Colour by ", "着色 "]), this.modeBox));
    if (this.mixed) {
      const row = make("div", { class: "cim-row", role: "group" });
      for (const [key, words] of [["before", ["before", "改造前"]], ["after", ["after", "改造后"]], ["both", ["side by side", "并排对比"]]]) {
        const b = lever(words, state.show === key, () => {
          state.show = key;
          row.querySelectorAll("button").forEach((o) => o.setAttribute("aria-pressed", String(o === b)));
          this.rebuild();
        });
        b.dataset.show = key;
        row.append(b);
      }
      head.append(row);
    }
    if (this.levels > 1) {
      const said = make("output", {});
      const say = () => said.replaceChildren(both(state.level ? [`up to storey ${state.level}`, `至 ${state.level} 层`] : ["all storeys", "全部楼层"]));
      const range = make("input", {
        type: "range", min: 1, max: this.levels + 1, step: 1, value: state.level || this.levels + 1, class: "cim-level", "aria-label": "Storey",
        oninput: (e) => { state.level = +e.target.value > this.levels ? 0 : +e.target.value; say(); this.roofs = null; this.rebuild(); this.choose(this.chosen, { look: false, tell: false }); },
      });
      say();
      head.append(make("label", { class: "cim-row" }, both(["Cut ", "剖切 "]), range, said));
    }
    const row = make("div", { class: "cim-row" });
    if (scene.windows.id.length) row.append(lever(["windows", "窗"], state.windows, (b) => this.flip(b, "windows")));
    if (this.trees) row.append(lever(["trees", "树木"], state.trees, (b) => { this.flip(b, "trees"); this.trees.visible = state.trees; this.stage.shade(); }));
    row.append(make("button", { type: "button", onclick: () => this.stage.top() }, both(["from above", "俯视"])));
    row.append(make("button", { type: "button", onclick: () => this.stage.home() }, both(["whole", "全景"])));
    head.append(row);

    this.legend = make("div", { class: "cim-box cim-legend" });
    this.panel = make("div", { class: "cim-box cim-panel", hidden: true });
    const parts = [head, this.legend, this.panel, this.compass(), this.scaleBar()];
    if (scene.sun) {
      const [low, high] = scene.sun.band;
      this.hourText = make("output", { class: "cim-hour" });
      this.slider = make("input", {
        type: "range", min: low, max: high, step: 1 / 12, value: state.hour, class: "cim-time", "aria-label": "Hour", oninput: (e) => this.setHour(+e.target.value),
      });
      const play = make("button", { type: "button", class: "cim-play", "aria-label": "Play", onclick: () => this.play(play) }, "▶");
      const foot = make("div", { class: "cim-box cim-foot" }, make("div", { class: "cim-row" }, play, this.slider), make("div", { class: "cim-row" }, both(scene.sun.name), " ", this.hourText));
      if (scene.modes.some((m) => m.light)) {
        foot.lastChild.append(lever(["lit at this hour", "此刻日照"], Boolean(state.now), (b) => { this.flip(b, "now"); this.tellLegend(); }));
      }
      parts.push(foot);
    }
    if (this.mixed) parts.push(make("div", { class: "cim-sides" }, make("span", {}, both(["before", "改造前"])), make("span", {}, both(["after", "改造后"]))));
    this.overlay.replaceChildren(...parts);
    this.tellLegend();
    this.setHour(state.hour);
  }

  // Text where markup cannot be: options of a list.
  say(words) { return document.documentElement.dataset.lang === "en" ? words[0] : words[1]; }

  flip(button, key) {
    this.state[key] = !this.state[key];
    button.setAttribute("aria-pressed", String(this.state[key]));
    this.colour();
  }

  play(button) {
    if (this.playing) {
      clearInterval(this.playing);
      this.playing = null;
    } else {
      const [low, high] = this.scene.sun.band;
      this.playing = setInterval(() => this.setHour(this.state.hour + 1 / 12 > high + 1e-6 ? low : this.state.hour + 1 / 12), 120);
    }
    button.textContent = this.playing ? "❚❚" : "▶";
  }

  setMode(key) {
    this.state.mode = key;
    this.modeBox.value = key;
    this.colour();
    this.tellLegend();
    if (this.chosen) this.choose(this.chosen, { look: false, tell: false });
  }

  tellLegend() {
    const { mode } = this;
    if (!mode) return;
    const now = this.state.now && mode.light;
    const rows = now ? [[LIT, "lit", "有日照"], [DARK, "in shadow", "阴影中"]] : mode.legend;
    const title = now ? ["At this hour, by the simulation", "此刻日照（模拟结果）"] : mode.title;
    this.legend.replaceChildren(make("b", {}, both(title)), ...rows.map(([c, en, zh]) => make("div", {}, swatch(c), both([en, zh]))));
  }

  compass() {
    const ns = "http://www.w3.org/2000/svg";
    const svg = document.createElementNS(ns, "svg");
    svg.setAttribute("viewBox", "-20 -20 40 40");
    svg.setAttribute("class", "cim-north");
    const turn = document.createElementNS(ns, "g");
    const needle = document.createElementNS(ns, "path");
    needle.setAttribute("d", "M0-11L5 8L0 4L-5 8Z");
    const letter = document.createElementNS(ns, "text");
    letter.setAttribute("y", "-12.5");
    letter.textContent = "N";
    turn.append(needle, letter);
    svg.append(turn);
    this.stage.after = [() => {
      const way = new THREE.Vector3();
      this.stage.camera.getWorldDirection(way);
      const azimuth = Math.abs(way.z) > 0.9999 ? 0 : (Math.atan2(way.x, way.y) * 180) / Math.PI;
      turn.setAttribute("transform", `rotate(${(-azimuth - (this.scene.north || 0)).toFixed(1)})`);
    }];
    return svg;
  }

  scaleBar() {
    const bar = make("i", {}), text = make("span", {});
    this.stage.after.push(() => {
      const per = this.stage.metresPerPixel();
      const length = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000].find((m) => m / per > 60) ?? 10000;
      bar.style.width = `${(length / per).toFixed(0)}px`;
      text.textContent = `${length} m`;
    });
    return make("div", { class: "cim-scale", title: "in the middle of the picture" }, bar, text);
  }

  listen() {
    const { canvas } = this.stage;
    let down = null;
    canvas.addEventListener("pointerdown", (e) => { down = [e.clientX, e.clientY]; });
    canvas.addEventListener("pointerup", (e) => {
      if (down && Math.hypot(e.clientX - down[0], e.clientY - down[1]) < 5) this.pick(e);
    });
    this.host.addEventListener("cim-choose", (e) => this.choose(e.detail.id, { look: true, tell: false, spot: e.detail.spot }));
    new MutationObserver(() => {
      this.modeBox.querySelectorAll("option").forEach((o, k) => { o.textContent = this.say(this.scene.modes[k].title); });
    }).observe(document.documentElement, { attributeFilter: ["data-lang"] });
  }

  pick(event) {
    const { caster, view } = this.stage.ray(event);
    this.groups.forEach((g, k) => { g.visible = k === view; });
    const meshes = [...this.groups[view].children.filter((m) => m.userData.kind && m.visible), this.ground.mesh];
    if (this.plates) meshes.push(this.plates);
    const hit = caster.intersectObjects(meshes, false)[0];
    const kind = hit?.object.userData.kind;
    const row = hit && kind && kind !== "facility" ? ownerOf(hit.object.geometry, hit.faceIndex) : -1;
    const { scene } = this;
    if (kind === "building" && row >= 0) return this.choose(scene.buildings.id[row]);
    if (kind === "window") return this.choose(scene.windows.id[row]);
    if (kind === "space") return this.choose(scene.flat.id[row]);
    if (kind === "facility") return this.choose(scene.facilities.id[hit.object.userData.rows[hit.instanceId]]);
    if (kind === "dot") return this.dot(row);
    if (hit) return this.pickGround(hit.point);
    return this.choose(null);
  }

  pickGround(point) {
    const { mode, scene } = this, a = scene.arrays;
    if (mode?.at === "ground") {
      const { xyz, size } = this.dots[mode.key];
      let best = -1, least = size;
      for (let k = 0; k < xyz.length / 3; k++) {
        const d = Math.hypot(xyz[3 * k] - point.x, xyz[3 * k + 1] - point.y);
        if (d < least) { least = d; best = k; }
      }
      if (best >= 0) return this.dot(best);
    }
    const inside = (ring) => {
      let odd = false;
      for (let i = 0, j = ring.length - 1; i < ring.length; j = i++) {
        const p = ring[i], q = ring[j];
        if (p.y > point.y !== q.y > point.y && point.x < ((q.x - p.x) * (point.y - p.y)) / (q.y - p.y) + p.x) odd = !odd;
      }
      return odd;
    };
    let found = -1;
    for (let k = 0; k < this.flats.count; k++) {
      if (a["flat.level"][k] === 0 && a["flat.building"][k] < 0 && this.flats.of(k).filter(inside).length % 2
        && (found < 0 || a["flat.kind"][k] >= a["flat.kind"][found])) found = k;
    }
    return this.choose(found < 0 ? null : scene.flat.id[found]);
  }

  dot(k) {
    const { mode } = this, { xyz } = this.dots[mode.key];
    this.choose(null);
    this.mark(null, new THREE.Vector3(xyz[3 * k], xyz[3 * k + 1], xyz[3 * k + 2]), 0.6 * this.dots[mode.key].size);
    this.tell([make("h4", {}, both(mode.title)), ...this.hoursOf(mode, k)]);
  }

  // Highlight an object, show its row and its findings.
  choose(id, { look = false, tell = true, spot = null } = {}) {
    this.chosen = id ?? null;
    let entry = this.rows.get(id);
    if (!entry && id && id.includes("/")) entry = this.rows.get(id.split("/")[0]);
    if (entry) {
      const { at, size, geometry, facing } = this.shapeOf(...entry, id);
      this.mark(geometry, at, size);
      if (look) this.stage.look(at, size, facing);
      this.tell(this.rowOf(...entry, id));
    } else if (spot) {
      const at = new THREE.Vector3(spot[0], spot[1], this.ground.elevation(...spot));
      this.mark(null, at, 3);
      if (look) this.stage.look(at, 15);
      this.tell(id ? [make("h4", {}, id), ...this.findingsOf(id)] : []);
    } else {
      this.mark(null, null, 0);
      this.tell([]);
    }
    if (tell) this.host.dispatchEvent(new CustomEvent("cim-pick", { bubbles: true, detail: { id: this.chosen } }));
  }

  shapeOf(kind, row, id) {
    const a = this.scene.arrays;
    const box = (part) => {
      part.solid.computeBoundingSphere();
      const s = part.solid.boundingSphere;
      return { geometry: part, at: s?.radius > 0 ? s.center : this.stage.centre.clone(), size: Math.max(s?.radius ?? 10, 2) };
    };
    if (kind === "building") {
      const level = id?.match(/\/F(\d+)$/);
      const [low, high] = level ? this.storey(row, +level[1]) : [-Infinity, this.cut(row)];
      return box(partOf(this.scene, this.outlines, row, low, high));
    }
    if (kind === "home") return box(partOf(this.scene, this.outlines, a["home.building"][row], ...this.storey(a["home.building"][row], a["home.level"][row])));
    if (kind === "window") {
      const p = this.windowPlace(row);
      const g = plateGeometry([row], () => ({ ...p, width: p.width + 0.7, height: p.height + 0.7 }));
      return { geometry: { solid: g }, at: new THREE.Vector3(...p.centre), size: 8, facing: new THREE.Vector3(...p.normal) };
    }
    if (kind === "parcel") return this.around(metres(a["parcel.xy"], 2), 2, a["parcel.ring"][a["parcel.poly"][row]], a["parcel.ring"][a["parcel.poly"][row] + 1]);
    if (kind === "space") {
      const z = a["flat.z"][row] / 100;
      const g = flatGeometry(this.flats, [row], () => z);
      const p = g.attributes.position;
      for (let i = 0; i < p.count; i++) if (a["flat.building"][row] < 0) p.setZ(i, this.ground.elevation(p.getX(i), p.getY(i)) + 0.15);
      return box({ solid: g });
    }
    if (kind === "facility") return { geometry: null, at: new THREE.Vector3(...this.facilityPlace(row)), size: 4 };
    return this.around(metres(a["path.xyz"], 3), 3, a["path.line"][row], a["path.line"][row + 1]);
  }

  // A line on the ground through some points.
  around(xyz, width, first, last) {
    const points = [];
    for (let i = first; i < last; i++) {
      const [x, y] = [xyz[width * i], xyz[width * i + 1]];
      points.push(new THREE.Vector3(x, y, this.ground.elevation(x, y) + 0.3));
    }
    const line = new THREE.BufferGeometry().setFromPoints(points.flatMap((p, i) => (i ? [points[i - 1], p] : [])));
    line.computeBoundingSphere();
    const { center, radius } = line.boundingSphere;
    return { geometry: { lines: line }, at: center.clone(), size: Math.max(radius, 8) };
  }

  storey(building, level) {
    const a = this.scene.arrays;
    for (let k = a["floor.first"][building]; k < a["floor.first"][building + 1]; k++) {
      if (a["floor.level"][k] === level) return [a["floor.base"][k] / 100, a["floor.top"][k] / 100];
    }
    return [-Infinity, Infinity];
  }

  mark(geometry, at, size) {
    if (this.marked) this.stage.world.remove(this.marked);
    this.marked = null;
    if (at) {
      const group = new THREE.Group();
      if (geometry?.solid) {
        group.add(new THREE.Mesh(geometry.solid, new THREE.MeshBasicMaterial({ color: CHOSEN, transparent: true, opacity: 0.55, side: THREE.DoubleSide, depthWrite: false, polygonOffset: true, polygonOffsetFactor: -2 })));
      }
      if (geometry?.lines) group.add(new THREE.LineSegments(geometry.lines, new THREE.LineBasicMaterial({ color: CHOSEN, depthTest: false })));
      if (!geometry) {
        const ring = new THREE.Mesh(new THREE.TorusGeometry(size, size / 8, 8, 40), new THREE.MeshBasicMaterial({ color: CHOSEN, depthTest: false }));
        ring.position.copy(at).setZ(at.z + 0.4);
        group.add(ring);
      }
      this.marked = group;
      this.stage.world.add(group);
    }
    this.stage.draw();
  }

  tell(parts) {
    this.now = null;
    this.panel.hidden = !parts.length;
    const close = make("button", { type: "button", class: "cim-close", "aria-label": "Close", onclick: () => this.choose(null) }, "×");
    this.panel.replaceChildren(close, ...parts);
    if (this.bar) this.timeBarNow();
  }

  line(words, value) { return make("div", { class: "cim-line" }, both(words), make("b", {}, value)); }

  rowOf(kind, row, id) {
    const { scene, mode } = this, a = scene.arrays, out = [];
    this.bar = null;
    const building = { building: row, window: a["window.building"][row], home: a["home.building"][row], space: a["flat.building"][row], facility: a["facility.building"][row] }[kind] ?? -1;
    const kinds = { building: ["Building", "建筑"], window: ["Window", "窗"], home: ["Dwelling", "住宅"], space: ["Space", "空间"], facility: ["Service", "设施"], path: ["Path", "道路"], parcel: ["Parcel", "地块"] };
    out.push(make("h4", {}, both(kinds[kind]), " ", id));
    const b = scene.buildings;
    if (kind === "building") {
      if (b.name[row]) out.push(make("div", {}, b.name[row]));
      out.push(this.line(["Use", "用途"], both(b.use[row])), this.line(["Status", "状态"], both(b.status[a["building.status"][row]])));
      if (b.storeys[row] > 0) out.push(this.line(["Storeys", "层数"], String(b.storeys[row])));
      if (b.height[row] != null) out.push(this.line(["Height", "高度"], `${b.height[row]} m`));
    } else if (building >= 0) out.push(this.line(["Building", "建筑"], b.id[building]));
    if (kind === "window") {
      out.push(this.line(["Storey", "楼层"], String(a["window.level"][row])));
      const room = scene.windows.rooms[a["window.room"][row]], home = a["window.dwelling"][row];
      if (room?.[0]) out.push(this.line(["Room", "房间"], both(room)));
      if (home >= 0) out.push(this.line(["Dwelling", "住宅"], scene.homes[home]));
      const sunny = mode?.at === "windows" ? [mode] : scene.modes.filter((m) => m.at === "windows" && m.light);
      sunny.forEach((m) => out.push(...this.hoursOf(m, row)));
    }
    if (kind === "home") out.push(this.line(["Storey", "楼层"], String(a["home.level"][row])));
    if (kind === "space") {
      const [, en, zh] = scene.flat.palette[a["flat.kind"][row]];
      out.push(this.line(["Kind", "类型"], both([en, zh])), this.line(["Area", "面积"], `${scene.flat.area[row]} m²`));
      if (mode?.spaces && a[mode.spaces][row] !== NONE) out.push(this.line(mode.title, both(mode.legend[a[mode.spaces][row]].slice(1))));
    }
    if (kind === "facility") {
      out.push(this.line(["Kind", "类型"], both(scene.facilities.kind[row])));
      if (scene.facilities.name[row]) out.push(make("div", {}, scene.facilities.name[row]));
    }
    if (kind === "path") { const [, , en, zh] = scene.path.palette[a["path.kind"][row]]; out.push(this.line(["Kind", "类型"], both([en, zh]))); }
    const value = kind === "building" ? mode?.values?.[row] : null;
    if (value != null) out.push(this.line(mode.title, `${value} ${mode.unit}`));
    return [...out, ...this.findingsOf(id), ...(kind === "building" ? this.insideOf(row) : [])];
  }

  hoursOf(mode, k) {
    const a = this.scene.arrays, h = a[mode.hours][k] / 100;
    if (h < -200) return [];
    const out = [this.line(mode.title, `${h.toFixed(2)} ${mode.unit}`)];
    if (mode.light && this.scene.sun) {
      const [low, high] = this.scene.sun.band, bar = make("div", { class: "cim-bar" });
      const share = (t) => `${(100 * (t - low)) / (high - low)}%`;
      const said = [];
      for (let i = a[`${mode.light}.first`][k]; i < a[`${mode.light}.first`][k + 1]; i++) {
        const from = a[`${mode.light}.start`][i] / 1800, to = a[`${mode.light}.end`][i] / 1800;
        const e = make("i", {});
        e.style.left = share(from);
        e.style.width = `${(100 * (to - from)) / (high - low)}%`;
        bar.append(e);
        said.push(`${clock(from)}–${clock(to)}`);
      }
      const now = make("u", {});
      bar.append(now);
      this.bar = { now, share };
      out.push(bar, make("div", { class: "cim-soft" }, said.join("  ") || both(["never lit", "全天无日照"])));
    }
    return out;
  }

  timeBarNow() { if (this.bar) this.bar.now.style.left = this.bar.share(this.state.hour); }

  findingsOf(id) {
    const own = this.found.get(id) ?? [], { rules } = this.scene.findings;
    const { verdicts } = this.scene;
    return own.slice(0, 12).map(([rule, , verdict, measured, required]) => {
      const [en, zh, origin] = rules[rule], [colour, ve, vz] = verdicts[verdict];
      const tag = make("span", { class: "cim-tag" }, both([ve, vz]));
      tag.style.color = colour;
      return make("div", { class: "cim-finding" }, tag, both([en, zh]), " ", make("span", { class: "cim-soft" }, [measured, required && `(${required})`, origin].filter(Boolean).join(" ")));
    });
  }

  insideOf(row) {
    const id = this.scene.buildings.id[row], counts = [0, 0, 0, 0];
    this.found.forEach((own, object) => { if (object.startsWith(`${id}/`)) own.forEach((f) => { counts[f[2]] += 1; }); });
    if (!counts.some(Boolean)) return [];
    const said = counts.flatMap((n, v) => {
      if (!n) return [];
      const [colour, en, zh] = this.scene.verdicts[v], b = make("b", {}, String(n));
      b.style.color = colour;
      return [b, " ", both([en, zh]), "  "];
    });
    return [make("div", { class: "cim-finding" }, both(["inside it: ", "其内："]), ...said)];
  }
}

export async function mount(host, bytes) {
  let scene;
  try {
    scene = await unpack(bytes);
    return new View(host, scene);
  } catch (error) {
    host.classList.add("cim-failed");
    host.replaceChildren(make("p", { class: "cim-none" }, both([
      "The 3D view needs WebGL, which this browser does not offer; plans and tables show the same numbers.",
      "三维视图需要 WebGL，当前浏览器不支持；图纸与表格内容相同。",
    ])));
    host.dataset.why = String(error);
    return null;
  }
}

export async function start() {
  for (const host of document.querySelectorAll(".cim-view")) {
    const data = document.getElementById(host.dataset.scene);
    await mount(host, fromBase64(data.textContent));
    host.dataset.ready = host.cim ? "yes" : "no";
    document.documentElement.classList.toggle("cim-flat", !host.cim);
  }
}

const FIGURES = {
  least_sunlight_h: ["Least sunlight [h]", "最小日照 [h]"], windows_below_2_h: ["Windows below 2 h", "不足 2 h 的窗"], far: ["FAR", "容积率"],
  far_area_m2: ["Counted area [m²]", "计容面积 [m²]"], failed: ["Failed", "不满足"], unknown: ["Open", "待定"], passed: ["Passed", "满足"],
};

// The side of the live widget: storeys and place of the chosen building, figures of the base and now.
function desk(model, view) {
  const ask = (wish) => {
    model.set("wish", { ...wish, time: performance.now() });
    model.save_changes();
    box.classList.add("cim-busy");
  };
  const said = make("output", {}), table = make("table", {}), tools = make("div", { class: "cim-desk-tools" });
  const press = (words, wish) => make("button", { type: "button", onclick: () => ask(wish()) }, both(words));
  const box = make("div", { class: "cim-desk" }, tools, make("div", { class: "cim-row" }, press(["undo", "撤销"], () => ({ do: "undo" })), press(["redo", "重做"], () => ({ do: "redo" }))), table, said);
  let dragging = false; // then the slider stays, whatever comes back
  const choose = () => {
    if (dragging) return;
    const b = view.scene.buildings, row = b.id.indexOf(model.get("chosen"));
    tools.replaceChildren();
    if (row < 0) return tools.append(make("p", { class: "cim-soft" }, both(["Click a building, then change it here.", "点击建筑后在此修改。"])));
    const target = b.id[row], count = make("output", {}, String(b.storeys[row]));
    const range = make("input", { type: "range", min: 1, max: Math.max(40, b.storeys[row] + 10), value: b.storeys[row], class: "cim-storeys",
      oninput: () => {
        dragging = true;
        count.textContent = range.value;
        if (!box.classList.contains("cim-busy")) ask({ do: "storeys", target, count: +range.value, drag: true });
      },
      onchange: () => { dragging = false; ask({ do: "storeys", target, count: +range.value }); } });
    const step = (words, more) => press(words, () => ({ do: "move", target, ...more }));
    tools.append(make("h4", {}, both(["Building", "建筑"]), " ", target), make("label", { class: "cim-row" }, both(["Storeys", "层数"]), range, count),
      make("div", { class: "cim-row" }, step(["N", "北"], { dy: 3 }), step(["S", "南"], { dy: -3 }), step(["W", "西"], { dx: -3 }), step(["E", "东"], { dx: 3 }), step(["⟲", "⟲"], { turn: -5 }), step(["⟳", "⟳"], { turn: 5 }), press(["remove", "删除"], () => ({ do: "remove", target }))));
  };
  const figures = () => {
    const row = ([key, [was, now]]) => make("tr", {}, make("td", {}, both(FIGURES[key] ?? [key, key])), make("td", {}, was ?? "–"), make("td", { class: was === now ? "" : "cim-new" }, now ?? "–"));
    table.replaceChildren(make("tr", {}, make("th", {}), make("th", {}, both(["base", "原方案"])), make("th", {}, both(["now", "现方案"]))), ...Object.entries(model.get("figures")).map(row));
  };
  model.on("change:figures", figures);
  model.on("change:said", () => { said.textContent = model.get("said"); });
  model.on("change:done", () => box.classList.remove("cim-busy"));
  model.on("change:chosen", choose);
  choose();
  figures();
  return { box, choose };
}

// anywidget: the scene comes as bytes; picks and wishes go back.
async function render({ model, el }) {
  document.documentElement.dataset.lang ??= model.get("lang");
  const host = make("div", { class: "cim-view" });
  const whole = make("div", { class: "cim-live", "data-lang": model.get("lang") }, host);
  el.append(whole);
  const bytes = () => { const v = model.get("scene"); return new Uint8Array(v.buffer ?? v, v.byteOffset ?? 0, v.byteLength); };
  const view = await mount(host, bytes());
  if (!view) return;
  const side = desk(model, view);
  whole.append(side.box);
  model.on("change:scene", async () => { view.load(await unpack(bytes())); side.choose(); });
  model.on("change:chosen", () => { if (view.chosen !== (model.get("chosen") || null)) view.choose(model.get("chosen") || null, { tell: false }); });
  host.addEventListener("cim-pick", (e) => { model.set("chosen", e.detail.id ?? ""); model.save_changes(); side.choose(); });
}

export default { render };
globalThis.cimkit = { mount, render };

if (typeof document !== "undefined" && document.querySelector(".cim-view[data-scene]")) start();
