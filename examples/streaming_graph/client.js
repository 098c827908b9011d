// Seed 004's JavaScript, as it stands there. A browser's own EventSource cannot POST; the one of this server can.
import { EventSource } from "/client.js";

const eventSource = new EventSource("/stream", {
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify({
    requestId: "req-001",
    graphType: "streaming-chat",
    message: { content: "Hello" },
    // ... other fields
  }),
});

eventSource.addEventListener("stream_event", event => {
  const data = JSON.parse(event.data);
  if (data.type === "chunk") {
    // Append chunk to UI
    console.log(data.content);
  }
});

eventSource.addEventListener("final", event => {
  const data = JSON.parse(event.data);
  // Handle complete response
  console.log("Complete:", data.text);
  eventSource.close();
});
