// What the screen may show, kept for when the server does not answer: the manifest, and its media in the browser's cache.

const MANIFEST = "vitrine.player.manifest";
const CACHE = "vitrine-media";

export class Bundle {
  constructor(api) {
    this.api = api;
    const kept = JSON.parse(localStorage.getItem(MANIFEST) || "null");
    this.manifest = kept?.manifest ?? null;
    this.etag = kept?.etag ?? null;
  }

  async refresh() {
    const headers = this.etag ? { "If-None-Match": this.etag } : {};
    const answer = await this.api.call("GET", "/v1/player/manifest", { headers });
    if (answer.status !== 304) {
      this.manifest = answer.body;
      this.etag = answer.etag;
      localStorage.setItem(MANIFEST, JSON.stringify({ manifest: this.manifest, etag: this.etag }));
    }
    await this.#fetchMedia();
  }

  // House content that may be shown without a decision, in order; empty once the bundle has run out.
  get house() {
    const offline = this.manifest?.offline;
    return offline && Date.parse(offline.valid_until) > Date.now() ? offline.items : [];
  }

  // The address of a creative's picture: from the cache when it is there, so that an outage is not seen.
  async source(media) {
    const cached = await (await caches.open(CACHE)).match(`/${media.sha256}`);
    return cached ? URL.createObjectURL(await cached.blob()) : media.url;
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
