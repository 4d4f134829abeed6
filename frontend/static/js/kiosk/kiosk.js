// The consent kiosk: notice first, then a choice for each purpose, then (if wanted) a challenge and one picture, then the
// receipt. Whoever cannot or does not want to do the challenge goes on with a code, which works as well.
import { Api, Problem, pause } from "../shared/api.js";
import { Camera } from "../shared/camera.js";
import { paired, unpaired } from "../shared/pairing.js";
import { answer, Stage } from "./challenge.js";

const FORGET_AFTER = 90000;
const SETTLE = 1200; // after the challenge, until the picture is taken

class Kiosk extends HTMLElement {
  async connectedCallback() {
    this.parts = Object.fromEntries([...this.querySelectorAll("[data-part]")].map((part) => [part.dataset.part, part]));
    this.camera = new Camera(this.parts.video);
    this.stage = new Stage(this.parts.stage, this.parts.prompt);
    this.addEventListener("click", (event) => this.act(event.target.closest("[data-act]")?.dataset.act));
    this.parts.purposes.addEventListener("change", () => this.choose());
    const token = await paired("kiosk", (state) => this.showPairing(state));
    this.api = new Api(token);
    await this.begin();
  }

  showPairing({ code, hint }) {
    this.show("pairing");
    this.parts.code.textContent = code ?? "····-····";
    this.parts.hint.textContent = hint;
  }

  async begin() {
    clearTimeout(this.forgetting);
    this.fill({});
    this.camera.stop();
    this.key = null;
    for (const box of this.parts.purposes.querySelectorAll("input")) box.checked = false;
    this.choose();
    for (;;) {
      try {
        this.notice = (await this.api.call("GET", "/v1/notices/current")).body;
        this.parts.title.textContent = this.notice.title;
        this.parts.text.textContent = this.notice.text;
        this.explain(this.notice.purposes);
        await this.api.call("POST", "/v1/notice-views", { json: { notice: this.notice.id } });
        return this.show("notice");
      } catch (error) {
        if (error instanceof Problem && error.status === 401) return this.pairAgain();
        const hint = error instanceof Problem ? error.message : "The server does not answer. Nothing can be agreed to right now.";
        this.showPairing({ code: "", hint });
        await pause(5000);
      }
    }
  }

  // The notice in force says what each purpose means; one that it does not explain cannot be agreed to.
  explain(purposes) {
    for (const label of this.parts.purposes.querySelectorAll("[data-purpose]")) {
      const meaning = purposes[label.dataset.purpose];
      label.hidden = !meaning;
      label.querySelector("[data-meaning]").textContent = meaning ?? "";
    }
  }

  get purposes() {
    return [...this.parts.purposes.querySelectorAll("input:checked")].map((box) => box.value);
  }

  // Recognising somebody needs their picture; everything else works with a code alone.
  choose() {
    const chosen = this.purposes;
    if (chosen.length) this.forgetLater();
    this.parts.continue.disabled = !chosen.length;
    const route = chosen.includes("recognise") ? "Continue to the picture" : "Continue with a code";
    this.parts.continue.textContent = chosen.length ? route : "Continue";
  }

  async act(what) {
    const actions = {
      continue: () => (this.purposes.includes("recognise") ? this.prepare() : this.register()),
      capture: () => this.enrol(),
      code: () => this.withCode(),
      again: () => this.begin(),
    };
    if (actions[what]) await actions[what]();
  }

  async prepare() {
    this.show("capture");
    this.forgetLater();
    this.parts.capture.disabled = true;
    try {
      await this.camera.start();
    } catch {
      return this.refuse("The camera is not available. Go on with a code: it works as well.");
    }
    await this.askHow();
  }

  // Staff vouches where the operator enrols so; otherwise the person does what a drawn challenge asks.
  async askHow() {
    const challenge = await this.draw();
    if (!challenge) return;
    this.attended = challenge.supervision === "attended";
    this.parts.attended.hidden = !this.attended;
    this.parts.unattended.hidden = this.attended;
    this.parts.vouched.checked = false;
    this.parts.capture.textContent = this.label;
    this.parts.capture.disabled = false;
  }

  get label() {
    return this.attended ? "Agree and take the picture" : "Agree and begin";
  }

  async draw() {
    try {
      return (await this.api.call("POST", "/v1/challenges")).body;
    } catch (error) {
      if (error instanceof Problem && error.status === 401) return this.pairAgain();
      this.refuse(error instanceof Problem ? error.message : "The server does not answer. Try again in a moment.");
    }
  }

  async enrol() {
    if (this.attended && !this.parts.vouched.checked) {
      return this.refuse("A member of staff confirms first that it is you.");
    }
    this.parts.capture.disabled = true;
    this.parts.capture.textContent = "One moment …";
    this.forgetLater();
    const form = new FormData();
    const proven = this.attended ? this.vouch(form) : await this.prove(form);
    if (proven) {
      form.append("frame", await this.camera.frame(), "frame.jpg");
      form.append("notice", this.notice.id);
      for (const purpose of this.purposes) form.append("purposes", purpose);
      await this.send("/v1/enrolments", { form });
    }
    this.parts.capture.disabled = false;
    this.parts.capture.textContent = this.label;
  }

  vouch(form) {
    form.append("attended", "true");
    return true;
  }

  async prove(form) {
    const challenge = await this.draw(); // a fresh one: people read before they begin
    if (!challenge) return false;
    this.refuse("");
    this.parts.stage.classList.add("challenge");
    this.parts.prompt.hidden = false;
    try {
      const looks = await answer(challenge, this.camera, this.stage);
      form.append("challenge", challenge.challenge);
      for (const { at, picture } of looks) {
        form.append("looks", picture, "look.jpg");
        form.append("times_ms", at);
      }
      await pause(SETTLE);
    } finally {
      this.stage.shine("");
      this.parts.stage.classList.remove("challenge");
      this.parts.prompt.hidden = true;
      this.parts.prompt.textContent = "";
    }
    return true;
  }

  // Everything but recognition works with a code alone.
  async withCode() {
    this.camera.stop();
    for (const box of this.parts.purposes.querySelectorAll("input[value=recognise]")) box.checked = false;
    this.choose();
    if (this.purposes.length) return this.register();
    this.show("notice");
    this.refuse("Choose what you allow apart from recognition, and go on with a code.");
  }

  async register() {
    await this.send("/v1/subjects", { json: { notice: this.notice.id, purposes: this.purposes } });
  }

  async send(path, content) {
    this.refuse("");
    this.key ??= crypto.randomUUID();
    try {
      const { body } = await this.api.call("POST", path, { ...content, headers: { "Idempotency-Key": this.key }, timeout: 20000 });
      this.key = null;
      this.camera.stop();
      this.finish(body);
    } catch (error) {
      if (error instanceof Problem && error.status === 401) return this.pairAgain();
      // A new picture is a new request; only a lost answer is asked for again with the same key.
      if (error instanceof Problem) this.key = null;
      this.refuse(error instanceof Problem ? error.message : "The server does not answer. Try again in a moment.");
    }
  }

  finish(receipt) {
    this.fill(receipt);
    this.show("receipt");
    this.forgetLater(); // the next person must not read it
  }

  fill({ pseudonym = "", receipt_qr, receipt_url, loyalty_token, loyalty_qr }) {
    this.parts.pseudonym.textContent = pseudonym;
    set(this.parts.qr, "src", receipt_qr);
    set(this.parts.link, "href", receipt_url);
    this.parts.loyalty.hidden = !loyalty_token;
    set(this.parts.loyaltyQr, "src", loyalty_qr);
    this.parts.loyaltyToken.textContent = loyalty_token ?? "";
  }

  // Whoever walks away leaves nothing behind: no ticked purpose, no receipt, no picture.
  forgetLater() {
    clearTimeout(this.forgetting);
    this.forgetting = setTimeout(() => this.begin(), FORGET_AFTER);
  }

  pairAgain() {
    unpaired("kiosk");
    location.reload();
  }

  refuse(reason) {
    for (const box of this.querySelectorAll("[data-refusal]")) {
      box.textContent = reason;
      box.hidden = !reason;
    }
  }

  show(step) {
    this.dataset.step = step;
    this.refuse("");
    for (const section of this.querySelectorAll("[data-step]")) section.hidden = section.dataset.step !== step;
  }
}

function set(part, name, value) {
  if (value) part.setAttribute(name, value);
  else part.removeAttribute(name);
}

customElements.define("vitrine-kiosk", Kiosk);
