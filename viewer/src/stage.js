// Camera, light, shadows and drawing; draws only when something changed.
import * as THREE from "three";
import { OrbitControls } from "three/examples/jsm/controls/OrbitControls.js";

export class Stage {
  constructor(host, box, top) {
    this.renderer = new THREE.WebGLRenderer({ antialias: true, preserveDrawingBuffer: true });
    this.renderer.setPixelRatio(Math.min(window.devicePixelRatio || 1, 2));
    this.renderer.shadowMap.enabled = true;
    this.renderer.shadowMap.autoUpdate = false;
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
    this.sun = new THREE.DirectionalLight(0xfff8ee, 2.2);
    this.sun.castShadow = true;
    const gl = this.renderer.getContext(), named = gl.getExtension("WEBGL_debug_renderer_info");
    const soft = named && /swiftshader|llvmpipe|software/i.test(gl.getParameter(named.UNMASKED_RENDERER_WEBGL));
    this.sun.shadow.mapSize.setScalar(soft ? 2048 : 4096); // without a graphics card fine shadows cost seconds
    this.sun.shadow.normalBias = Math.min(0.6, this.radius / 900);
    this.sun.shadow.bias = -0.0004;
    const r = this.radius;
    Object.assign(this.sun.shadow.camera, { left: -r, right: r, top: r, bottom: -r, near: 0.1 * r, far: 4.2 * r });
    this.sun.target.position.copy(this.centre);
    this.world.add(this.sun, this.sun.target);

    this.camera = new THREE.PerspectiveCamera(32, 1, 1, 20 * r);
    this.camera.up.set(0, 0, 1);
    this.controls = new OrbitControls(this.camera, this.canvas);
    this.controls.maxPolarAngle = 0.495 * Math.PI;
    this.controls.zoomToCursor = true;
    this.controls.addEventListener("change", () => this.draw());
    this.views = [{ prepare: () => {} }];
    this.after = [];
    this.resize();
    new ResizeObserver(() => this.resize()).observe(host);
    this.home();
  }

  home() {
    const aspect = this.width / this.height / this.views.length;
    const far = (0.62 * this.radius) / Math.tan((16 * Math.PI) / 180) / Math.min(1, aspect / 1.4);
    this.controls.target.copy(this.centre);
    this.camera.position.set(this.centre.x - 0.33 * far, this.centre.y - 0.66 * far, 0.56 * far);
    this.controls.update();
    this.draw();
  }

  top() {
    const far = (0.72 * this.radius) / Math.tan((16 * Math.PI) / 180);
    this.controls.target.copy(this.centre);
    this.camera.position.set(this.centre.x, this.centre.y - 0.001 * far, far);
    this.controls.update();
    this.draw();
  }

  look(at, size, facing = null) {
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
    this.renderer.setSize(width, height);
    this.width = width;
    this.height = height;
    this.draw();
  }

  shine(direction) {
    const up = direction.z > 0.005;
    this.sun.visible = up;
    if (up) this.sun.position.copy(this.centre).addScaledVector(direction, 2.1 * this.radius);
    this.shade();
  }

  shade() {
    this.stale = true;
    this.draw();
  }

  draw() {
    if (this.waiting) return;
    this.waiting = requestAnimationFrame(() => {
      this.waiting = 0;
      this.now();
    });
  }

  // One picture, or several side by side with the same camera.
  now() {
    const n = this.views.length, width = this.width / n;
    this.camera.aspect = width / this.height;
    this.camera.updateProjectionMatrix();
    this.renderer.setScissorTest(n > 1);
    this.views.forEach((view, k) => {
      view.prepare();
      this.renderer.setViewport(k * width, 0, width, this.height);
      this.renderer.setScissor(k * width, 0, width, this.height);
      this.renderer.shadowMap.needsUpdate = this.stale || n > 1;
      this.renderer.render(this.world, this.camera);
    });
    this.stale = false;
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

  metresPerPixel() {
    const far = this.camera.position.distanceTo(this.controls.target);
    return (2 * far * Math.tan((this.camera.fov * Math.PI) / 360)) / this.height;
  }
}
