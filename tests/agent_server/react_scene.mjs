// Plays the React component against a server: types, sends, and prints what the page shows whenever that changes, until
// it shows the whole answer. In strict mode: React then calls twice what it may call twice.
import { StrictMode, createElement } from "react";
import { act, create } from "react-test-renderer";
import { StreamingChat } from "./StreamingChat";

const [base, whole, ...messages] = process.argv.slice(2);
const fetched = globalThis.fetch;
globalThis.fetch = (path, init) => fetched(new URL(path, base), init);

let page;
globalThis.IS_REACT_ACT_ENVIRONMENT = true;
await act(() => void (page = create(createElement(StrictMode, null, createElement(StreamingChat)))));
for (const message of messages) {
  globalThis.IS_REACT_ACT_ENVIRONMENT = true;
  await act(() => page.root.findByType("input").props.onChange({ target: { value: message } }));
  globalThis.IS_REACT_ACT_ENVIRONMENT = false; // what comes from the network renders when React sees fit, as in a page
  let sent = false;
  page.root.findByType("form").props.onSubmit({ preventDefault() {} }).then(() => (sent = true));
  for (let text, last = null; !sent || text !== whole; await new Promise(go => setTimeout(go, 1))) {
    text = page.root.findByType("div").children.join("");
    if (text !== last) console.log(JSON.stringify(text));
    last = text;
  }
}
process.exit(0); // React keeps a channel open
