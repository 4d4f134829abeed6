// The web player: pairs, decides, plays, reports. It recognises people only when they ask for it, by touch or by code.
import { Api, Problem, pause } from "../shared/api.js";
import { Camera } from "../shared/camera.js";
import { paired, unpaired } from "../shared/pairing.js";
import { Bundle } from "./bundle.js";
import { Outbox } from "./outbox.js";

const REFRESH = 60000;
const SHORTEST = 500;
const IDLE = 2000;
const MARGIN = 1000;
const FRAMES = 4;
const APART = 200;

class Player extends HTMLElement {
  async connectedCallback() {
    this.parts = Object.fromEntries([...this.querySelectorAll("[data-part]")].map((part) => [part.dataset.part, part]));
    this.camera = new Camera(this.parts.video);
    this.viewers = [];
    this.viewersUntil = 0;
    this.typed = "";
    this.parts.recognise.addEventListener("click", (event) => {
      event.stopPropagation();
      this.recognise();
    });
    this.parts.stage.addEventListener("click", () => this.engage("touch", 1));
    document.addEventListener("keydown", (event) => this.type(event));
    const token = await paired("signage", (state) => this.showPairing(state));
    this.parts.pairing.hidden = true;
    this.api = new Api(token);
    this.bundle = new Bundle(this.api);
    this.outbox = new Outbox(this.api);
    await this.attempt(() => this.bundle.restore());
    this.keepFresh();
    this.loop();
  }

  showPairing({ code, hint }) {
    this.parts.pairing.hidden = false;
    this.parts.code.textContent = code ?? "····-····";
    this.parts.hint.textContent = hint;
  }

  async keepFresh() {
    for (;;) {
      await this.attempt(() => this.bundle.refresh());
      const { capture, notice } = this.bundle.manifest ?? {};
      this.parts.recognise.hidden = !capture?.allowed;
      this.parts.notice.textContent = notice?.title ?? "";
      await this.attempt(() => this.outbox.flush());
      await pause(REFRESH);
    }
  }

  async loop() {
    for (;;) {
      const slate = (await this.attempt(() => this.decide())) ?? this.fallback();
      this.skipped = false;
      for (const item of slate.items) {
        // Somebody was recognised meanwhile, or the lease is over: ask again.
        if (this.skipped || Date.now() > slate.until) break;
        await this.play(item, slate);
      }
      if (!slate.items.length) await pause(IDLE);
      await this.attempt(() => this.outbox.flush());
    }
  }

  async decide() {
    const viewers = Date.now() < this.viewersUntil ? this.viewers : [];
    try {
      const { body } = await this.api.call("POST", "/v1/decisions", { json: { viewers, audience: { count: viewers.length } } });
      const until = Date.now() + body.lease.seconds * 1000;
      return { items: body.slate, decision: body.decision, bundle: null, until };
    } catch (error) {
      if (!(error instanceof Problem && error.code.startsWith("viewer_token"))) throw error;
      this.viewersUntil = 0; // they have left, as far as the server knows: go on without them
      return this.decide();
    }
  }

  fallback() {
    return { items: this.bundle.house, decision: null, bundle: this.bundle.offline?.bundle ?? null, until: Infinity };
  }

  async play(item, slate) {
    const source = await this.bundle.source(item.media);
    try {
      await this.show(source);
    } catch {
      return void (await pause(SHORTEST)); // never black: the picture before stays
    }
    this.current = { item, slate };
    this.describe(item, slate);
    const started = new Date();
    this.skip = new AbortController();
    await Promise.race([
      pause(item.duration_ms),
      new Promise((resolve) => this.skip.signal.addEventListener("abort", resolve)),
    ]);
    this.outbox.add({
      kind: "play",
      ...(slate.decision ? { decision: slate.decision, position: item.position } : { bundle: slate.bundle }),
      creative: item.creative,
      started_at: started.toISOString(),
      duration_ms: Math.max(1, Date.now() - started.getTime()),
    });
  }

  // The next picture is decoded before it takes the place of the one on screen.
  async show(source) {
    const next = new Image();
    next.src = source;
    await next.decode();
    const before = this.parts.frame.src;
    this.parts.frame.src = source;
    this.parts.frame.hidden = false;
    this.parts.waiting.hidden = true;
    if (before.startsWith("blob:")) URL.revokeObjectURL(before);
  }

  describe(item, slate) {
    this.parts.title.textContent = item.title ?? "";
    this.parts.reasons.textContent = (item.reasons ?? []).slice(0, 2).join(" ");
    this.parts.why.hidden = !item.why_url;
    if (item.why_url) this.parts.why.href = item.why_url;
    this.parts.offline.hidden = Boolean(slate.decision);
    this.dataset.state = slate.decision ? "online" : "offline";
    this.dataset.creative = item.creative;
    this.dataset.basis = item.basis ?? "house";
  }

  engage(kind, value) {
    if (!this.current?.slate.decision) return;
    const { item, slate } = this.current;
    this.outbox.add({ kind, value, decision: slate.decision, position: item.position, at: new Date().toISOString() });
  }

  // Opt-in: a moment of frames, because somebody asked for it; the camera is off before and after.
  async recognise() {
    this.parts.recognise.disabled = true;
    this.watch(true);
    try {
      await this.camera.start();
      const form = await this.moment();
      this.greet(await this.api.call("POST", "/v1/recognitions", { form }));
    } catch (error) {
      this.say(error instanceof Problem ? error.message : "The camera is not available here. Your code works as well.");
    } finally {
      this.camera.stop();
      this.watch(false);
      this.parts.recognise.disabled = false;
    }
  }

  // A name takes three good looks: one more than that, so that somebody may blink.
  async moment() {
    const form = new FormData();
    const began = performance.now();
    for (let number = 0; number < FRAMES; number += 1) {
      if (number) await pause(APART);
      form.append("at_ms", Math.round(performance.now() - began));
      form.append("frame", await this.camera.frame(), "frame.jpg");
    }
    return form;
  }

  // Whoever stands there sees what the camera sees, as long as it does.
  watch(on) {
    this.parts.video.hidden = !on;
    this.parts.camera.hidden = on;
  }

  // A QR reader types the code and Enter, like a keyboard.
  async type(event) {
    if (event.key !== "Enter") {
      if (event.key.length === 1) this.typed += event.key;
      return;
    }
    const token = this.typed.trim();
    this.typed = "";
    if (token.length < 8 || !this.api) return;
    event.preventDefault();
    try {
      this.greet(await this.api.call("POST", "/v1/recognitions", { json: { token } }));
    } catch (error) {
      this.say(error instanceof Problem ? error.message : "The server does not answer. Try again in a moment.");
    }
  }

  greet({ body }) {
    const seconds = this.bundle.manifest?.capture?.viewer_token_seconds ?? 30;
    this.viewers = body.viewers.map(({ viewer }) => viewer);
    this.viewersUntil = Date.now() + seconds * 1000 - MARGIN; // on this clock, which may differ from the server's
    const known = body.viewers.some(({ state }) => state === "recognised");
    this.dataset.viewer = known ? "recognised" : "anonymous";
    this.say(known ? "Welcome back. The next picture is chosen for you." : "You are anonymous here. Nothing was kept.");
    this.skipped = true;
    this.skip?.abort();
  }

  say(text) {
    this.parts.message.textContent = text;
    this.parts.message.hidden = false;
    clearTimeout(this.quiet);
    this.quiet = setTimeout(() => {
      this.parts.message.hidden = true;
    }, 5000);
  }

  // Whatever fails, the screen goes on with what it has; only a revoked token ends the pairing.
  async attempt(action) {
    try {
      return await action();
    } catch (error) {
      if (error instanceof Problem && error.status === 401) {
        unpaired("signage");
        await Bundle.forget();
        location.reload();
      }
      console.warn("Degraded:", error.code ?? error.name, error.message);
      return null;
    }
  }
}

customElements.define("vitrine-player", Player);
