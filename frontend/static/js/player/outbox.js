// Events wait here until the server has acknowledged them: across reloads, network failures and outages.

const KEY = "vitrine.player.outbox";
const AT_ONCE = 200;
const KEPT = 5000;

export class Outbox {
  constructor(api) {
    this.api = api;
    this.sending = null;
  }

  get events() {
    return JSON.parse(localStorage.getItem(KEY) || "[]");
  }

  add(event) {
    const events = [...this.events, { event_id: crypto.randomUUID(), ...event }];
    localStorage.setItem(KEY, JSON.stringify(events.slice(-KEPT)));
  }

  flush() {
    this.sending ??= this.#send().finally(() => {
      this.sending = null;
    });
    return this.sending;
  }

  async #send() {
    for (let batch = this.events.slice(0, AT_ONCE); batch.length; batch = this.events.slice(0, AT_ONCE)) {
      const { body } = await this.api.call("POST", "/v1/events", {
        json: { sent_at: new Date().toISOString(), events: batch },
      });
      // Accepted and duplicate events are safe; a rejected one will not become better by sending it again.
      const answered = new Set(body.results.map((result) => result.event_id));
      for (const result of body.results.filter(({ status }) => status === "rejected")) {
        console.warn("Event rejected", result.code, result.detail);
      }
      localStorage.setItem(KEY, JSON.stringify(this.events.filter((event) => !answered.has(event.event_id))));
      if (!answered.size) return;
    }
  }
}
