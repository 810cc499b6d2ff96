// Reads server-sent events on standard input, lets the AI SDK's own client read them, and prints the
// message that it makes of them. Usage: node parse.mjs ai6|ai7
import { text } from 'node:stream/consumers'

const { DefaultChatTransport, readUIMessageStream } = await import(process.argv[2])

const body = await text(process.stdin)
const transport = new DefaultChatTransport({
  api: 'http://unused.invalid/chat',
  fetch: async () =>
    new Response(body, {
      headers: { 'content-type': 'text/event-stream', 'x-vercel-ai-ui-message-stream': 'v1' },
    }),
})
const stream = await transport.sendMessages({
  trigger: 'submit-message',
  chatId: 'c',
  messages: [{ id: 'm', role: 'user', parts: [{ type: 'text', text: 'hello' }] }],
})

let message
let failure
for await (const next of readUIMessageStream({
  stream,
  onError: (error) => {
    failure = error
  },
  terminateOnError: true,
})) {
  message = next
}
if (failure) throw failure
console.log(JSON.stringify(message))
