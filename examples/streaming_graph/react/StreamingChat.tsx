// Seed 004's React component. Changed: a read may end anywhere, also within a letter or a frame, so the decoder streams
// and the parser remembers; a parser must not run inside `setResponse`, which React may call twice.
import { useState } from "react";
import { parser } from "./parse";

export function StreamingChat() {
  const [response, setResponse] = useState("");
  const [message, setMessage] = useState("");

  const sendMessage = async (message: string) => {
    setResponse("");
    const response = await fetch("/stream", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({
        requestId: crypto.randomUUID(),
        graphType: "streaming-chat",
        message: { content: message },
        // ... other fields
      }),
    });

    const reader = response.body?.getReader();
    const decoder = new TextDecoder();
    const parseChunk = parser();

    while (reader) {
      const { done, value } = await reader.read();
      if (done) break;

      const text = parseChunk(decoder.decode(value, { stream: true }));
      setResponse(prev => prev + text);
    }
  };

  return (
    <form
      onSubmit={event => {
        event.preventDefault();
        return sendMessage(message);
      }}
    >
      <input aria-label="Message" value={message} onChange={event => setMessage(event.target.value)} />
      <button>Send</button>
      <div aria-live="polite">{response}</div>
    </form>
  );
}
