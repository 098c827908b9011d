/** Reads the text out of a stream of POST /stream. One for each answer: what one read cuts in two, the next completes. */
export function parser(): (chunk: string) => string {
  let held = "";
  return chunk => {
    const frames = (held + chunk).split("\n\n");
    held = frames.pop() ?? "";
    return frames.map(textOf).join("");
  };
}

function textOf(frame: string): string {
  const lines = frame.split("\n");
  const data = lines.find(line => line.startsWith("data: "));
  if (!data) return "";
  const said = JSON.parse(data.slice("data: ".length));
  if (lines.includes("event: error")) throw new Error(said.message);
  return said.type === "chunk" ? said.content : "";
}
