// What the screen may show, kept for when the server does not answer: the manifest, and its media in the browser's cache.

const MANIFEST = "vitrine.player.manifest";
const KEY = "vitrine.player.key";
const CACHE = "vitrine-media";

export class Bundle {
  constructor(api) {
    this.api = api;
    this.manifest = null;
    this.etag = null;
    this.offline = null;
  }

  // Take up what was kept before the last reload.
  async restore() {
    const kept = JSON.parse(localStorage.getItem(MANIFEST) || "null");
    if (kept) await this.#take(kept.manifest, kept.etag);
  }

  async refresh() {
    const headers = this.etag ? { "If-None-Match": this.etag } : {};
    const answer = await this.api.call("GET", "/v1/player/manifest", { headers });
    if (answer.status !== 304) {
      localStorage.setItem(MANIFEST, JSON.stringify({ manifest: answer.body, etag: answer.etag }));
      await this.#take(answer.body, answer.etag);
    }
    await this.#fetchMedia();
  }

  // House content that may be shown without a decision, in order; empty once the bundle has run out.
  get house() {
    return this.offline && Date.parse(this.offline.valid_until) > Date.now() ? this.offline.items : [];
  }

  // The address of a creative's picture: from the cache when it is there, so that an outage is not seen.
  async source(media) {
    const cached = await (await caches.open(CACHE)).match(`/${media.sha256}`);
    return cached ? URL.createObjectURL(await cached.blob()) : media.url;
  }

  static forget() {
    for (const name of [MANIFEST, KEY]) localStorage.removeItem(name);
    return caches.delete(CACHE);
  }

  async #take(manifest, etag) {
    this.offline = await opened(manifest);
    this.manifest = manifest;
    this.etag = etag;
  }

  async #fetchMedia() {
    const cache = await caches.open(CACHE);
    const wanted = new Set(this.manifest.media.map((media) => media.sha256));
    for (const request of await cache.keys()) {
      if (!wanted.has(new URL(request.url).pathname.slice(1))) await cache.delete(request);
    }
    for (const media of this.manifest.media) {
      if (await cache.match(`/${media.sha256}`)) continue;
      const response = await fetch(media.url, { credentials: "omit" });
      if (response.ok) await cache.put(`/${media.sha256}`, response);
    }
  }
}

// The signed bundle of a manifest, with each item's media; null when the signature is not the operator's.
async function opened({ offline, media }) {
  if (!(await genuine(offline))) {
    console.warn("The offline bundle's signature is wrong; it is not played.");
    return null;
  }
  const { bundle, valid_until, items } = JSON.parse(offline.payload);
  const files = new Map(media.map((file) => [file.creative, file]));
  const playable = items.filter(({ creative }) => files.has(creative));
  return { bundle, valid_until, items: playable.map((item) => ({ ...item, media: files.get(item.creative) })) };
}

// Ed25519 (RFC 8032) over the payload's bytes. The first key seen after the pairing is the operator's; no other counts.
async function genuine({ payload, signature, public_key: offered }) {
  const known = localStorage.getItem(KEY) ?? offered;
  if (known !== offered) return false;
  const key = await crypto.subtle.importKey("raw", bytes(offered), { name: "Ed25519" }, false, ["verify"]);
  const valid = await crypto.subtle.verify("Ed25519", key, bytes(signature), new TextEncoder().encode(payload));
  if (valid) localStorage.setItem(KEY, known);
  return valid;
}

const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
