// Everything that a page may try on another's address: what it can read, or have run or shown, is `done`.
async ([at, wish]) => {
  const done = {};
  const told = (node) => new Promise((say) => { node.onload = () => say("done"); node.onerror = () => say("refused"); });
  for (const path of ["/", "/api/live", "/api/plan", "/config_dump", "/status", "/logging"]) {
    for (const mode of ["cors", "no-cors"]) {
      done[`${mode} ${path}`] = await fetch(at + path, { mode }).then(() => "done", () => "refused");
    }
    const script = document.createElement("script");
    script.src = at + path;
    document.head.append(script);
    done[`script ${path}`] = await told(script);
  }
  for (const path of ["/api/try", "/logging?level=debug"]) {
    for (const mode of ["cors", "no-cors"]) {
      const sent = fetch(at + path, { method: "POST", mode, body: wish });
      done[`POST ${mode} ${path}`] = await sent.then(() => "done", () => "refused");
    }
    const frame = document.createElement("iframe");
    frame.name = path;
    const form = document.createElement("form");
    Object.assign(form, { method: "post", action: at + path, target: path, enctype: "text/plain" });
    document.body.append(frame, form);
    const loaded = told(frame);
    form.submit();
    await loaded;
  }
  for (const path of ["/", "/config_dump", "/api/live"]) {
    const frame = document.createElement("iframe");
    frame.src = at + path;
    document.body.append(frame);
    await told(frame);
  }
  const line = new WebSocket(at.replace("http", "ws") + "/api/live");
  done.socket = await new Promise((say) => { line.onopen = () => say("done"); line.onerror = () => say("refused"); });
  const source = new EventSource(at + "/api/live");
  done.events = await new Promise((say) => { source.onopen = () => say("done"); source.onerror = () => say("refused"); });
  source.close();
  return done;
}
