// The camera. A frame lives in memory until it is sent, and is never stored.

const WIDTH = 640;
const HEIGHT = 480;
const LONGEST_SIDE = 640;

export class Camera {
  constructor(video) {
    this.video = video;
    this.stream = null;
  }

  async start() {
    if (this.stream) return;
    this.stream = await navigator.mediaDevices.getUserMedia({
      video: { width: { ideal: WIDTH }, height: { ideal: HEIGHT }, facingMode: "user" },
      audio: false,
    });
    this.video.srcObject = this.stream;
    await this.video.play();
    // The first frame of many cameras is black: wait for two that were really shown.
    for (let frames = 0; frames < 2; frames += 1) {
      await new Promise((resolve) => this.video.requestVideoFrameCallback(resolve));
    }
  }

  stop() {
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.stream = null;
    this.video.srcObject = null;
  }

  // The picture is drawn before this returns its promise; only its encoding takes longer.
  async frame(quality = 0.92) {
    const { videoWidth, videoHeight } = this.video;
    const scale = Math.min(1, LONGEST_SIDE / Math.max(videoWidth, videoHeight));
    const canvas = new OffscreenCanvas(Math.round(videoWidth * scale), Math.round(videoHeight * scale));
    canvas.getContext("2d").drawImage(this.video, 0, 0, canvas.width, canvas.height);
    return canvas.convertToBlob({ type: "image/jpeg", quality });
  }
}
