// The web player: pairs, decides, plays, reports. It recognises people only when they ask for it, by touch or by code.
import { Api, Problem, pause } from "../shared/api.js";
import { Camera } from "../shared/camera.js";
import { paired, unpaired } from "../shared/pairing.js";
import { Bundle } from "./bundle.js";
import { Outbox } from "./outbox.js";

const REFRESH = 60000;
const SHORTEST = 500;

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
    const token = await paired("player", (state) => this.showPairing(state));
    this.parts.pairing.hidden = true;
    this.api = new Api(token);
    this.bundle = new Bundle(this.api);
    this.outbox = new Outbox(this.api);
    this.keepFresh();
    this.loop();
  }

  showPairing({ code, hint }) {
    this.parts.pairing.hidden = false;
    this.parts.code.textContent = code ?? "········";
    this.parts.hint.textContent = hint;
  }

  async keepFresh() {
    for (;;) {
      await this.attempt(() => this.bundle.refresh());
      this.parts.recognise.hidden = this.bundle.manifest?.capture?.mode !== "opt_in";
      this.parts.notice.textContent = this.bundle.manifest?.notice?.title ?? "";
      await this.attempt(() => this.outbox.flush());
      await pause(REFRESH);
    }
  }

  async loop() {
    for (;;) {
      const slate = (await this.attempt(() => this.decide())) ?? this.fallback();
      if (!slate.items.length) await pause(SHORTEST * 4);
      for (const item of slate.items) await this.play(item, slate);
      await this.attempt(() => this.outbox.flush());
    }
  }

  async decide() {
    const viewers = Date.now() < this.viewersUntil ? this.viewers : [];
    const { body } = await this.api.call("POST", "/v1/decisions", {
      json: { viewers, audience: { count: viewers.length } },
    });
    return { items: body.slate, decision: body.decision, bundle: null };
  }

  fallback() {
    return { items: this.bundle.house, decision: null, bundle: this.bundle.manifest?.offline?.id ?? null };
  }

  async play(item, slate) {
    this.current = { item, slate };
    const source = await this.bundle.source(item.media);
    this.parts.frame.src = source;
    try {
      await this.parts.frame.decode();
    } catch {
      return void (await pause(SHORTEST)); // never black: the picture before stays
    }
    this.parts.title.textContent = item.title ?? "";
    this.parts.reasons.textContent = (item.reasons ?? []).join(" ");
    this.parts.why.hidden = !item.why_url;
    if (item.why_url) this.parts.why.href = item.why_url;
    this.dataset.state = slate.decision ? "online" : "offline";
    this.dataset.creative = item.creative;
    this.dataset.basis = item.basis ?? "house";
    const started = new Date();
    this.skip = new AbortController();
    await Promise.race([
      pause(item.duration_ms),
      new Promise((resolve) => this.skip.signal.addEventListener("abort", resolve)),
    ]);
    if (source.startsWith("blob:")) URL.revokeObjectURL(source);
    this.outbox.add({
      type: "play",
      decision: slate.decision,
      bundle: slate.bundle,
      position: item.position,
      creative: item.creative,
      started_at: started.toISOString(),
      duration_ms: Math.max(1, Date.now() - started.getTime()),
    });
  }

  engage(kind, value) {
    if (!this.current?.slate.decision) return;
    const { item, slate } = this.current;
    this.outbox.add({ type: "engagement", decision: slate.decision, position: item.position, kind, value, at: new Date().toISOString() });
  }

  // Opt-in: one frame, because somebody asked for it; the camera is off before and after.
  async recognise() {
    this.parts.recognise.disabled = true;
    try {
      await this.camera.start();
      const form = new FormData();
      form.append("frame", await this.camera.frame(), "frame.jpg");
      await this.greet(await this.api.call("POST", "/v1/recognitions", { form }));
    } catch (error) {
      this.say(error instanceof Problem ? error.message : "The camera is not available here. Your code works as well.");
    } finally {
      this.camera.stop();
      this.parts.recognise.disabled = false;
    }
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
    try {
      await this.greet(await this.api.call("POST", "/v1/recognitions", { json: { token } }));
    } catch (error) {
      this.say(error.message);
    }
  }

  async greet({ body }) {
    this.viewers = body.viewers.map(({ viewer }) => viewer);
    this.viewersUntil = Math.min(...body.viewers.map(({ expires_at }) => Date.parse(expires_at)));
    const known = body.viewers.some(({ state }) => state === "recognised");
    this.dataset.viewer = known ? "recognised" : "anonymous";
    this.say(known ? "Welcome back. The next picture is chosen for you." : "You are anonymous here. Nothing was kept.");
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
        unpaired("player");
        location.reload();
      }
      console.warn("Degraded:", error.code ?? error.name, error.message);
      return null;
    }
  }
}

customElements.define("vitrine-player", Player);
