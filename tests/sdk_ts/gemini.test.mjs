// @google/genai: generate, stream, tools with their signatures, structured output, counting, embeddings, errors.
import assert from "node:assert/strict";
import test from "node:test";
import { ApiError, GoogleGenAI } from "@google/genai";
import { key, url } from "./pointed.mjs";

const client = new GoogleGenAI({ apiKey: key, httpOptions: { baseUrl: url } });
const model = "gemini-3.8-flash";
const schema = { type: "object", properties: { path: { type: "string" } } };

test("content comes back with its usage", async () => {
  const done = await client.models.generateContent({ model, contents: "repeat: good morning" });
  assert.equal(done.text, "good morning");
  assert.equal(done.usageMetadata.candidatesTokenCount, 3);
});

test("a stream ends with a reason and the whole usage", async () => {
  const chunks = [];
  for await (const chunk of await client.models.generateContentStream({ model, contents: "say 40 words" })) chunks.push(chunk);
  assert.equal(chunks.map((chunk) => chunk.text ?? "").join("").split(" ").length, 40);
  assert.equal(chunks.at(-1).candidates[0].finishReason, "STOP");
  assert.ok(chunks.at(-1).usageMetadata.candidatesTokenCount > 20);
});

test("a tool loop carries the signature back", async () => {
  const config = { tools: [{ functionDeclarations: [{ name: "read_file", parametersJsonSchema: schema }] }] };
  const question = { role: "user", parts: [{ text: "use the tool" }] };
  const first = await client.models.generateContent({ model, contents: [question], config });
  assert.equal(first.functionCalls[0].name, "read_file");
  const result = { role: "user", parts: [{ functionResponse: { name: "read_file", response: { text: "line 1" } } }] };
  const contents = [question, first.candidates[0].content, result];
  assert.ok((await client.models.generateContent({ model, contents, config })).text);
});

test("an image is read and structured output has the shape asked for", async () => {
  const picture = { inlineData: { mimeType: "image/png", data: "iVBORw0KGgo=" } };
  const config = { responseMimeType: "application/json", responseJsonSchema: schema };
  const done = await client.models.generateContent({ model, contents: [picture, "where?"], config });
  assert.ok(done.usageMetadata.promptTokenCount > 1000);
  assert.deepEqual(Object.keys(JSON.parse(done.text)), ["path"]);
});

test("tokens are counted and texts embedded", async () => {
  assert.equal((await client.models.countTokens({ model, contents: "count me in" })).totalTokens, 3);
  const made = await client.models.embedContent({ model: "gemini-embedding-001", contents: "one" });
  assert.equal(made.embeddings[0].values.length, 64);
});

test("an unknown model is the SDK's own error", async () => {
  await assert.rejects(client.models.generateContent({ model: "no-such-model", contents: "hi" }), (raised) => {
    assert.ok(raised instanceof ApiError);
    return raised.status === 404;
  });
});
