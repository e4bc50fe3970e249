// A small client for Node and browsers: sign in once, call tools, stay signed in.
//
//   import { AtomsClient } from "./client.mjs";
//   const atoms = new AtomsClient("http://127.0.0.1:8000");
//   await atoms.authenticate("ada@acme.example", "correct-horse-demo");
//   const { items } = await atoms.callTool("entity_tool", { operation: "list", entity_type: "project" });
//
// From a shell: node scripts/client.mjs URL EMAIL TOOL 'ARGUMENTS AS JSON'   (password on stdin)

const MARGIN_S = 30; // refresh this long before the token expires

export class AtomsError extends Error {
  /** `code` is the server's stable error code, `hint` says what to do next. */
  constructor(message, { code, hint, status } = {}) {
    super(message);
    this.name = "AtomsError";
    Object.assign(this, { code, hint, status });
  }
}

export class AtomsClient {
  #base;
  #fetch;
  #session = null;
  #refreshing = null;

  constructor(base, { fetch = globalThis.fetch.bind(globalThis) } = {}) {
    this.#base = base.replace(/\/$/, "");
    this.#fetch = fetch;
  }

  /** Sign in with email and password; answers the user `{id, email}`. */
  async authenticate(email, password) {
    this.#session = await this.#post("/auth/login", { email, password });
    return this.#session.user;
  }

  /** Call a tool; answers its structured content, throws AtomsError when the tool reports an error. */
  async callTool(tool, args = {}) {
    const token = await this.#token();
    const result = await this.#post("/api/mcp/tools/call", { tool, arguments: args }, token);
    if (result.isError) {
      const error = result.structuredContent?.error ?? {};
      throw new AtomsError(result.content[0].text, { code: error.code, hint: error.fix, status: 200 });
    }
    return result.structuredContent;
  }

  /** End the session on the server and forget it here. */
  async signOut() {
    if (this.#session) await this.#post("/auth/logout", {}, await this.#token());
    this.#session = null;
  }

  async #token() {
    if (!this.#session) throw new AtomsError("Call authenticate() first.", { code: "not_signed_in" });
    if (this.#session.expires_at - Date.now() / 1000 < MARGIN_S) {
      // Several calls may find the token old at once; one refresh serves them all.
      this.#refreshing ??= this.#refresh().finally(() => { this.#refreshing = null; });
      await this.#refreshing;
    }
    return this.#session.access_token;
  }

  async #refresh() {
    this.#session = await this.#post("/auth/refresh", { refresh_token: this.#session.refresh_token });
  }

  async #post(path, body, token) {
    const headers = { "Content-Type": "application/json" };
    if (token) headers.Authorization = `Bearer ${token}`;
    let response;
    try {
      response = await this.#fetch(this.#base + path, { method: "POST", headers, body: JSON.stringify(body) });
    } catch (cause) {
      throw new AtomsError(`No answer from ${this.#base}: is the server running?`, { code: "unreachable", cause });
    }
    const answer = response.status === 204 ? {} : await response.json().catch(() => ({}));
    if (!response.ok) {
      throw new AtomsError(answer.message ?? `HTTP ${response.status}`, {
        code: answer.error, hint: answer.hint, status: response.status,
      });
    }
    return answer;
  }
}

const isMain = typeof process !== "undefined" && process.argv?.[1]
  && import.meta.url === (await import("node:url")).pathToFileURL(process.argv[1]).href;

if (isMain) {
  const [url, email, tool, args = "{}"] = process.argv.slice(2);
  if (!tool) {
    console.error("usage: node scripts/client.mjs URL EMAIL TOOL 'ARGUMENTS AS JSON' < password-file");
    process.exit(2);
  }
  const { readFileSync } = await import("node:fs");
  const atoms = new AtomsClient(url);
  try {
    await atoms.authenticate(email, readFileSync(0, "utf8").trim());
    console.log(JSON.stringify(await atoms.callTool(tool, JSON.parse(args)), null, 2));
    await atoms.signOut();
  } catch (error) {
    console.error(`${error.message}${error.hint ? `\n${error.hint}` : ""}`);
    process.exit(1);
  }
}
