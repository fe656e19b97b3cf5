// openai: Chat, Responses, embeddings; streams, interleaved tools, images, structured output, errors, raw answers.
import assert from "node:assert/strict";
import test from "node:test";
import OpenAI from "openai";
import { fails, key, throughCcproxy, url } from "./pointed.mjs";

const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 });
const model = "gpt-5.5";
const user = (content) => ({ role: "user", content });
const parameters = { type: "object", properties: { path: { type: "string" } }, required: ["path"] };
const tool = (name) => ({ type: "function", function: { name, parameters } });

test("a completion comes back with its usage", async () => {
  const done = await client.chat.completions.create({ model, messages: [user("repeat: good morning")] });
  assert.equal(done.choices[0].message.content, "good morning");
  assert.equal(done.usage.completion_tokens, 3);
});

test("a stream has usage only when it was asked for", async () => {
  for (const asked of [false, true]) {
    const wish = asked ? { stream_options: { include_usage: true } } : {};
    const stream = await client.chat.completions.create({ model, messages: [user("say 40 words")], stream: true, ...wish });
    const chunks = await collected(stream);
    const text = chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join("");
    assert.equal(text.split(" ").length, 40);
    assert.equal(chunks.some((chunk) => chunk.usage), asked);
  }
});

test("interleaved tool calls come out whole", async () => {
  const wish = { model, messages: [user("use two tools")], tools: [tool("read_file"), tool("find_file")] };
  const final = await client.chat.completions.stream(wish).finalChatCompletion();
  const calls = final.choices[0].message.tool_calls;
  assert.deepEqual(calls.map((call) => call.function.name), ["read_file", "find_file"]);
  for (const call of calls) assert.deepEqual(Object.keys(JSON.parse(call.function.arguments)), ["path"]);
});

test("an image is read and counted", async () => {
  const image = { type: "image_url", image_url: { url: "data:image/png;base64,iVBORw0KGgo=" } };
  const done = await client.chat.completions.create({ model, messages: [user([{ type: "text", text: "what?" }, image])] });
  assert.ok(done.usage.prompt_tokens > 1000);
});

test("structured output is JSON of the shape asked for", async () => {
  const form = { type: "json_schema", json_schema: { name: "file", schema: parameters, strict: true } };
  const done = await client.chat.completions.parse({ model, messages: [user("which?")], response_format: form });
  assert.deepEqual(Object.keys(JSON.parse(done.choices[0].message.content)), ["path"]);
});

test("a response with reasoning and a tool goes on from the kept one", async () => {
  const tools = [{ type: "function", name: "read_file", parameters, strict: true }];
  const wish = { model, input: "use the tool", tools, reasoning: { effort: "medium" } };
  const first = await client.responses.stream(wish).finalResponse();
  assert.deepEqual(first.output.map((item) => item.type), ["reasoning", "message", "function_call"]);
  const result = { type: "function_call_output", call_id: first.output[2].call_id, output: "line 1" };
  const after = await client.responses.create({ model, tools, previous_response_id: first.id, input: [result] });
  assert.ok(after.output_text.length > 0);
  assert.equal((await client.responses.retrieve(first.id)).id, first.id);
});

test("embeddings and models are answered", async () => {
  const made = await client.embeddings.create({ model: "text-embedding-3-small", input: ["one", "two"] });
  assert.deepEqual(made.data.map((one) => one.embedding.length), [64, 64]);
  assert.ok((await client.models.list()).data.some((one) => one.id === model));
});

test("an unknown role is the SDK's own error", async () => {
  const wish = { model, messages: [{ role: "robot", content: "hi" }] };
  await assert.rejects(client.chat.completions.create(wish), { status: 400, param: "messages[0].role" });
});

test("an error after content breaks the stream", async () => {
  const wish = { model, messages: [user("say 60 words")], stream: true };
  const stream = await client.chat.completions.create(wish, fails("error_event;events=4;slow_chunk=0.05;status=500"));
  await assert.rejects(collected(stream), OpenAI.APIError);
});

test("a raw answer has the provider's headers", async () => {
  const { data, response, request_id: id } = await client.chat.completions.create({ model, messages: [user("hi")] }).withResponse();
  assert.equal(data.object, "chat.completion");
  assert.match(id, /^req_/);
  assert.equal(response.headers.has("x-ccproxy-call"), throughCcproxy);
});

async function collected(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}
