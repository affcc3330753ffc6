// Camera, light, shadows and drawing; draws only when something changed.
import * as THREE from "three";
import { OrbitControls } from "three/examples/jsm/controls/OrbitControls.js";

// Whether the processor draws, for want of a graphics card.
function drawsInSoftware() {
  const gl = document.createElement("canvas").getContext("webgl2");
  const named = gl?.getExtension("WEBGL_debug_renderer_info");
  return Boolean(named) && /swiftshader|llvmpipe|software|basic render/i.test(gl.getParameter(named.UNMASKED_RENDERER_WEBGL));
}

export class Stage {
  constructor(host, box, top) {
    // Without a graphics card: coarser shadows, no multisampling; a picture at rest is drawn finer instead.
    this.soft = drawsInSoftware();
    this.renderer = new THREE.WebGLRenderer({ antialias: !this.soft });
    this.renderer.setPixelRatio(this.soft ? 1 : Math.min(window.devicePixelRatio || 1, 2));
    this.renderer.shadowMap.enabled = true;
    if (this.soft) this.renderer.shadowMap.type = THREE.BasicShadowMap;
    this.canvas = this.renderer.domElement;
    host.append(this.canvas);
    this.host = host;
    this.world = new THREE.Scene();
    this.world.background = new THREE.Color(0xf4f6f7);
    const [west, south, east, north] = box;
    this.radius = 0.5 * Math.hypot(east - west, north - south, top);
    this.centre = new THREE.Vector3((west + east) / 2, (south + north) / 2, 0);
    this.reach = Math.max(east - west, north - south);

    this.world.add(new THREE.HemisphereLight(0xffffff, 0xd9d5cc, 1.75));
    this.suns = [];

    this.camera = new THREE.PerspectiveCamera(32, 1, 1, 20 * this.radius);
    this.camera.up.set(0, 0, 1);
    this.controls = new OrbitControls(this.camera, this.canvas);
    this.controls.maxPolarAngle = 0.495 * Math.PI;
    this.controls.zoomToCursor = true;
    this.controls.addEventListener("change", () => this.draw());
    this.controls.addEventListener("start", () => { this.moving = this.turned = true; });
    this.controls.addEventListener("end", () => { this.moving = false; });
    this.views = [{ prepare: () => {} }];
    this.sunward = new THREE.Vector3(-0.45, -0.6, 0.66);
    this.after = [];
    this.resize();
    new ResizeObserver(() => this.resize()).observe(host);
    this.home();
  }

  home() {
    this.turned = false;
    const aspect = this.width / this.height / this.views.length;
    const far = (0.62 * this.radius) / Math.tan((16 * Math.PI) / 180) / Math.min(1, aspect / 1.4);
    this.controls.target.copy(this.centre);
    this.camera.position.set(this.centre.x - 0.33 * far, this.centre.y - 0.66 * far, 0.56 * far);
    this.controls.update();
    this.draw();
  }

  top() {
    this.turned = true;
    const far = (0.72 * this.radius) / Math.tan((16 * Math.PI) / 180);
    this.controls.target.copy(this.centre);
    this.camera.position.set(this.centre.x, this.centre.y - 0.001 * far, far);
    this.controls.update();
    this.draw();
  }

  look(at, size, facing = null) {
    this.turned = true;
    const way = facing ? facing.clone() : this.camera.position.clone().sub(this.controls.target).normalize();
    way.z = Math.max(way.z, 0.35);
    const far = Math.min(Math.max(5 * size, 90), 3 * this.radius);
    this.controls.target.copy(at);
    this.camera.position.copy(at).addScaledVector(way.normalize(), far);
    this.controls.update();
    this.draw();
  }

  resize() {
    const width = Math.max(this.host.clientWidth, 50), height = Math.max(this.host.clientHeight, 50);
    if (width === this.width && height === this.height) return;
    this.renderer.setSize(width, height);
    this.width = width;
    this.height = height;
    if (this.camera && !this.turned) this.home(); // a frame may open without any width
    else this.draw();
  }

  // A sun a picture: each keeps its shadows.
  sun(k) {
    if (this.suns[k]) return this.suns[k];
    const sun = (this.suns[k] = new THREE.DirectionalLight(0xfff8ee, 2.2)), r = this.radius;
    sun.castShadow = true;
    sun.shadow.autoUpdate = false;
    sun.shadow.needsUpdate = true;
    sun.shadow.mapSize.setScalar(this.soft ? 1536 : 4096);
    sun.shadow.normalBias = Math.min(0.6, r / 900);
    sun.shadow.bias = -0.0004;
    Object.assign(sun.shadow.camera, { left: -r, right: r, top: r, bottom: -r, near: 0.1 * r, far: 4.2 * r });
    sun.target.position.copy(this.centre);
    this.world.add(sun, sun.target);
    return sun;
  }

  shine(direction) {
    this.sunward = direction;
    this.shade();
  }

  shade() {
    this.suns.forEach((sun) => { sun.shadow.needsUpdate = true; });
    this.draw();
  }

  draw() {
    clearTimeout(this.rest);
    if (this.busy) this.again = true;
    if (this.waiting || this.busy) return;
    this.waiting = requestAnimationFrame(() => {
      this.waiting = 0;
      if (this.soft) this.sharpness(this.moving && this.cost > 80 ? 0.5 : 1);
      this.now();
    });
  }

  sharpness(ratio) {
    if (this.renderer.getPixelRatio() !== ratio) this.renderer.setPixelRatio(ratio);
    this.rough = ratio < 1;
  }

  // Drawn in software, a picture is finished before the next begins: coarse while it moves and takes
  // long, finer once it rests and is quick.
  follow(from) {
    const gl = this.renderer.getContext(), fence = gl.fenceSync(gl.SYNC_GPU_COMMANDS_COMPLETE, 0);
    gl.flush();
    this.busy = true;
    const look = () => {
      if (gl.getSyncParameter(fence, gl.SYNC_STATUS) !== gl.SIGNALED && !gl.isContextLost()) return setTimeout(look, 8);
      gl.deleteSync(fence);
      this.busy = false;
      const ratio = this.renderer.getPixelRatio();
      if (ratio === 1 && this.warm) this.cost = performance.now() - from;
      this.warm = true; // the first picture compiles
      if (this.again) { this.again = false; return this.draw(); }
      const better = this.cost < 150 ? 2 : 1;
      if (ratio < better || !this.cost) this.rest = setTimeout(() => { this.sharpness(better); this.now(); }, 300);
    };
    setTimeout(look, 8);
  }

  // One picture, or several side by side with the same camera.
  now() {
    const n = this.views.length, width = this.width / n, from = performance.now();
    this.camera.aspect = width / this.height;
    this.camera.updateProjectionMatrix();
    this.renderer.setScissorTest(n > 1);
    this.views.forEach((view, k) => {
      view.prepare();
      this.sun(k).position.copy(this.centre).addScaledVector(this.sunward, 2.1 * this.radius);
      this.suns.forEach((sun, i) => { sun.visible = i === k && this.sunward.z > 0.005; });
      this.renderer.setViewport(k * width, 0, width, this.height);
      this.renderer.setScissor(k * width, 0, width, this.height);
      this.renderer.render(this.world, this.camera);
    });
    if (this.soft) this.follow(from);
    this.after.forEach((f) => f());
  }

  // Ray through a point of the canvas, and in which picture it lies.
  ray(event) {
    const box = this.canvas.getBoundingClientRect();
    const n = this.views.length, share = ((event.clientX - box.left) / box.width) * n;
    const view = Math.min(Math.floor(share), n - 1);
    const caster = new THREE.Raycaster();
    caster.setFromCamera(new THREE.Vector2((share - view) * 2 - 1, 1 - ((event.clientY - box.top) / box.height) * 2), this.camera);
    return { caster, view };
  }

  // Where a point of the world lies on the page.
  spot(point) {
    const p = point.clone().project(this.camera);
    const box = this.canvas.getBoundingClientRect();
    return [box.left + ((p.x + 1) / 2) * (box.width / this.views.length), box.top + ((1 - p.y) / 2) * box.height];
  }

  metresPerPixel(far = this.camera.position.distanceTo(this.controls.target)) {
    return (2 * far * Math.tan((this.camera.fov * Math.PI) / 360)) / this.height;
  }
}
