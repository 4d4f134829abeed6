// The active challenge: says what to do, shows the colours that the face reflects, and takes looks at the set times.
// Looks live in memory until they are sent.
import { pause } from "../shared/api.js";

const PROMPTS = {
  turn_left: "Turn your head to your left, then look here again",
  turn_right: "Turn your head to your right, then look here again",
  close_eyes: "Close both eyes until you hear the next sentence",
  come_closer: "Come closer to the camera, then step back",
  flashes: "Look here and hold still while the screen changes colour",
};
const AFTERWARDS = "Done. Look into the camera for the picture";
const TICK = 15;

export class Stage {
  constructor(box, prompt) {
    this.box = box;
    this.prompt = prompt;
  }

  say(text) {
    if (this.prompt.textContent === text) return;
    this.prompt.textContent = text; // aria-live reads it to screen readers
    const speech = window.speechSynthesis;
    if (!speech) return;
    speech.cancel();
    speech.speak(new SpeechSynthesisUtterance(text));
  }

  shine(colour) {
    this.box.style.backgroundColor = colour;
  }
}

// Returns the looks with their times, once everything asked was gone through.
export async function answer({ steps, looks_ms }, camera, stage) {
  const begin = performance.now();
  const taken = [];
  const due = [...looks_ms];
  const last = steps.at(-1);
  const end = last.begins_ms + last.duration_ms;
  for (let now = 0; now < end; now = performance.now() - begin) {
    show(steps.findLast((step) => step.begins_ms <= now) ?? steps[0], now, stage);
    if (due.length && due[0] <= now) {
      due.shift();
      taken.push({ at: Math.round(performance.now() - begin), picture: camera.frame(0.85) });
    }
    await pause(TICK);
  }
  stage.shine("");
  stage.say(AFTERWARDS);
  return Promise.all(taken.map(async ({ at, picture }) => ({ at, picture: await picture })));
}

function show(step, now, stage) {
  stage.say(PROMPTS[step.kind]);
  const part = Math.floor(((now - step.begins_ms) / step.duration_ms) * step.colours.length);
  stage.shine(step.colours[part] ?? "");
}
