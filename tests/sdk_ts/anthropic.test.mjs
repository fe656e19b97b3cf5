// @anthropic-ai/sdk: messages, streams, tools, images, structured output, errors, raw answers.
import assert from "node:assert/strict";
import test from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import { fails, key, throughCcproxy, url } from "./pointed.mjs";

const client = new Anthropic({ baseURL: url, apiKey: key, maxRetries: 0 });
const model = "claude-sonnet-5-5";
const user = (content) => ({ role: "user", content });
const read = {
  name: "read_file",
  input_schema: { type: "object", properties: { path: { type: "string" } }, required: ["path"] },
};

test("a message comes back with its usage", async () => {
  const message = await client.messages.create({ model, max_tokens: 500, messages: [user("repeat: good morning")] });
  assert.equal(message.content[0].text, "good morning");
  assert.equal(message.usage.output_tokens, 3);
});

test("a stream adds up to its final message", async () => {
  const stream = client.messages.stream({ model, max_tokens: 500, messages: [user("say 40 words")] });
  let text = "";
  stream.on("text", (piece) => (text += piece));
  const final = await stream.finalMessage();
  assert.equal(text.split(" ").length, 40);
  assert.equal(final.content[0].text, text);
  assert.ok(final.usage.output_tokens > 1);
});

test("thinking and tools go round and are accepted when sent back", async () => {
  const wish = { model, max_tokens: 4000, thinking: { type: "enabled", budget_tokens: 2000 }, tools: [read] };
  const question = user("use the tool");
  const answer = await client.messages.stream({ ...wish, messages: [question] }).finalMessage();
  assert.deepEqual(answer.content.map((block) => block.type), ["thinking", "text", "tool_use"]);
  const result = user([{ type: "tool_result", tool_use_id: answer.content[2].id, content: "line 1" }]);
  const turn = { role: "assistant", content: answer.content };
  const after = await client.messages.create({ ...wish, messages: [question, turn, result] });
  assert.equal(after.stop_reason, "end_turn");
});

test("an image is read and counted", async () => {
  const source = { type: "base64", media_type: "image/png", data: "iVBORw0KGgo=" };
  const content = [{ type: "image", source }, { type: "text", text: "what is this?" }];
  const message = await client.messages.create({ model, max_tokens: 100, messages: [user(content)] });
  assert.ok(message.usage.input_tokens > 1000);
});

test("structured output is JSON of the shape asked for", async () => {
  const schema = { type: "object", properties: { title: { type: "string" } }, required: ["title"] };
  const wish = { model, max_tokens: 500, output_config: { format: { type: "json_schema", schema } } };
  const message = await client.messages.create({ ...wish, messages: [user("name it")] });
  assert.deepEqual(Object.keys(JSON.parse(message.content[0].text)), ["title"]);
});

test("tokens are counted and models listed", async () => {
  assert.equal((await client.messages.countTokens({ model, messages: [user("count me")] })).input_tokens, 5);
  assert.ok((await client.models.list()).data.some((one) => one.id === "claude-opus-5-5"));
});

test("a refused request is the SDK's own error", async () => {
  await assert.rejects(client.messages.create({ model, max_tokens: 10, messages: [] }), Anthropic.BadRequestError);
});

test("an error after content breaks the stream", async () => {
  const wish = { model, max_tokens: 500, messages: [user("say 60 words")] };
  const stream = client.messages.stream(wish, fails("error_event;events=5;slow_chunk=0.05"));
  await assert.rejects(stream.finalMessage(), Anthropic.APIError);
});

test("a raw answer has the provider's headers", async () => {
  const wish = { model, max_tokens: 50, messages: [user("hi")] };
  const { data, response, request_id: id } = await client.messages.create(wish).withResponse();
  assert.equal(data.role, "assistant");
  assert.match(id, /^req_/);
  assert.equal(response.headers.has("x-ccproxy-call"), throughCcproxy);
});
