// The REST API as the player and the kiosk use it. Problems (RFC 9457) become errors with their code.

export class Problem extends Error {
  constructor(status, body) {
    super(body.detail || `HTTP ${status}`);
    this.status = status;
    this.code = body.code || "unknown";
    this.retryAfter = Number(body.retryAfter || 0);
  }
}

export class Api {
  constructor(token) {
    this.token = token;
  }

  async call(method, path, { json, form, headers = {}, timeout = 10000 } = {}) {
    const all = { Accept: "application/json", ...headers };
    if (this.token) all.Authorization = `Bearer ${this.token}`;
    if (json) all["Content-Type"] = "application/json";
    const response = await fetch(path, {
      method,
      headers: all,
      body: json ? JSON.stringify(json) : form,
      signal: AbortSignal.timeout(timeout),
      credentials: "omit",
      cache: "no-store",
    });
    if (response.status === 304) return { status: 304 };
    const text = await response.text();
    let body = {};
    try {
      body = text ? JSON.parse(text) : {};
    } catch {
      body = { detail: `Expected JSON, got ${response.headers.get("Content-Type")}.` };
    }
    if (!response.ok) throw new Problem(response.status, { ...body, retryAfter: response.headers.get("Retry-After") });
    return { status: response.status, body, etag: response.headers.get("ETag") };
  }
}

export const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
