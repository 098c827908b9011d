// An EventSource that can POST: `stream_event`, then one `final` or `error`. A cut stream goes on where it was cut.
export class EventSource extends EventTarget {
  #stop = new AbortController();
  #last = "";
  constructor(url, { method = "POST", headers = {}, body } = {}) {
    super();
    this.ended = this.#run(url, { method, headers, body });
  }
  close() {
    this.#stop.abort();
  }
  async #run(url, init) {
    for (let failed = 0; failed < 6 && !this.#stop.signal.aborted; failed++) {
      if (failed) await new Promise(go => setTimeout(go, 125 << failed));
      try {
        const headers = { ...init.headers, ...(this.#last && { "Last-Event-ID": this.#last }) };
        const answer = await fetch(url, { ...init, headers, signal: this.#stop.signal });
        if (!answer.ok) return this.#say("error", await answer.text());
        const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
        for (let held = "", { value, done } = await reader.read(); !done; { value, done } = await reader.read()) {
          const frames = (held + value).split("\n\n");
          held = frames.pop();
          for (const frame of frames) {
            const [id, event, data] = ["id", "event", "data"].map(name => frame.match(`(?:^|\n)${name}: (.*)`)?.[1]);
            if (!data) continue;
            [this.#last, failed] = [id ?? this.#last, 0];
            this.#say(event, data);
            if (event === "final" || event === "error") return;
          }
        }
      } catch (error) {
        if (this.#stop.signal.aborted) return;
      }
    }
    if (!this.#stop.signal.aborted) this.#say("error", '{"message":"the connection was lost"}');
  }
  #say(type, data) {
    this.dispatchEvent(new MessageEvent(type, { data, lastEventId: this.#last }));
  }
}
