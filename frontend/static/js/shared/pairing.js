// Pairing (kind is signage or kiosk): show a code, wait until a member claims it, keep the token that is handed out once.
import { Api, Problem, pause } from "./api.js";

const POLL = 2000;

export async function paired(kind, show) {
  const key = `vitrine.${kind}.token`;
  const kept = localStorage.getItem(key);
  if (kept) return kept;
  for (;;) {
    try {
      const token = await once(kind, show);
      if (!token) continue;
      localStorage.setItem(key, token);
      return token;
    } catch (error) {
      show({ code: null, hint: error instanceof Problem ? error.message : "No connection to the server. Trying again." });
      await pause(Math.max(POLL, (error.retryAfter || 0) * 1000));
    }
  }
}

export function unpaired(kind) {
  localStorage.removeItem(`vitrine.${kind}.token`);
}

async function once(kind, show) {
  const { body: pairing } = await new Api().call("POST", "/v1/players/pairings", { json: { kind } });
  show({ code: pairing.code, hint: "Enter this code in the console under Screens. It holds for ten minutes." });
  const waiting = new Api(pairing.secret);
  const end = Date.parse(pairing.expires_at);
  while (Date.now() < end) {
    await pause(POLL);
    const { body } = await waiting.call("GET", `/v1/players/pairings/${pairing.pairing}`);
    if (body.token) return body.token;
  }
  return null; // nobody claimed it in time: a fresh code is asked for at once
}
