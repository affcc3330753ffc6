// A scene as Python packs it: gzip of [length of the header][header as JSON][arrays one after the other].

const TYPES = { i4: Int32Array, u4: Uint32Array, i2: Int16Array, u2: Uint16Array, u1: Uint8Array };

export async function unpack(bytes) {
  const stream = new Response(bytes).body.pipeThrough(new DecompressionStream("gzip"));
  const buffer = await new Response(stream).arrayBuffer();
  const length = new DataView(buffer).getUint32(0, true);
  const scene = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  const arrays = {};
  for (const [name, [type, start, count]] of Object.entries(scene.arrays)) {
    arrays[name] = new TYPES[type](buffer, start, count);
  }
  scene.arrays = arrays;
  return scene;
}

export function fromBase64(text) {
  const raw = atob(text.trim());
  const bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
  return bytes;
}

// Coordinates are centimetres, each the difference to the one before.
export function metres(codes, width) {
  const out = new Float64Array(codes.length);
  for (let i = 0; i < codes.length; i++) out[i] = codes[i] + (i >= width ? out[i - width] : 0);
  for (let i = 0; i < out.length; i++) out[i] /= 100;
  return out;
}

// Element with children; text is always text.
export function make(name, about = {}, ...children) {
  const e = document.createElement(name);
  for (const [key, value] of Object.entries(about)) {
    if (key.startsWith("on")) e.addEventListener(key.slice(2), value);
    else if (value === true) e.setAttribute(key, "");
    else if (value !== false && value != null) e.setAttribute(key, value);
  }
  e.append(...children.filter((c) => c != null));
  return e;
}

export function both([english, chinese]) {
  if (english === chinese) return make("span", {}, english);
  return make("span", {}, make("span", { lang: "zh" }, chinese), make("span", { lang: "en" }, english));
}

export function swatch(colour) {
  const e = make("i", { class: "cim-swatch" });
  e.style.background = colour;
  return e;
}

export const clock = (h) => `${Math.floor(h + 1e-6)}:${String(Math.round((h % 1) * 60) % 60).padStart(2, "0")}`;
