/** Server-sent events by fetch, so that a token can be sent along. Calls `take` with each {id, event, data}. */
export async function readEvents(response, take) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const blocks = (text + value).replaceAll("\r\n", "\n").split("\n\n");
    text = blocks.pop() ?? "";
    for (const block of blocks) {
      const fields = block
        .split("\n")
        .filter((line) => !line.startsWith(":"))
        .map((line) => [
          line.slice(0, line.indexOf(":")),
          line.slice(line.indexOf(":") + 1).trimStart(),
        ]);
      const data = fields
        .filter(([name]) => name === "data")
        .map(([, part]) => part)
        .join("\n");
      if (data !== "") take({ ...Object.fromEntries(fields), data });
    }
  }
}
