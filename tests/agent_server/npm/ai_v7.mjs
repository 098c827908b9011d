// AI SDK 7: approvals over HTTP, and its WebSocket transport.
import { AbstractChat, DefaultChatTransport, WebSocketChatTransport } from 'ai-v7';
import { WebSocket } from 'ws';
import { approvals } from './approvals.mjs';
import { chatOf, seen, textOf } from './chat.mjs';
import { base, open, play, until } from './scenario.mjs';

const Chat = chatOf(AbstractChat);
const socket = agent =>
  new WebSocketChatTransport({ url: `${base}/agents/${agent}/ws`, webSocket: WebSocket });

await play({
  ...approvals(Chat, DefaultChatTransport, 7),
  async socketText() {
    const transport = socket('teller');
    const c = new Chat({ id: 'ws-text', transport });
    await c.sendMessage({ text: 'a story' });
    const first = seen(c);
    await c.sendMessage({ text: 'another' });
    transport.close();
    return { ...seen(c), first };
  },
  async socketResumes() {
    const one = socket('gated');
    const c = new Chat({ id: 'ws-resumes', transport: one });
    const sent = c.sendMessage({ text: 'ws-resumes' });
    await until(() => textOf(c.lastMessage) === 'Once upon');
    const question = c.messages[0];
    one.close();
    await sent;
    const two = socket('gated');
    const again = new Chat({ id: 'ws-resumes', transport: two, messages: [question] });
    const resumed = again.resumeStream();
    await until(() => textOf(again.lastMessage) === 'Once upon');
    await open('ws-resumes');
    await resumed;
    const idle = new Chat({ id: 'ws-resumes', transport: two, messages: [question] });
    await idle.resumeStream();
    two.close();
    return { ...seen(again), cut: c.status, idle: idle.messages.length };
  },
  async socketStops() {
    const transport = socket('gated');
    const c = new Chat({ id: 'ws-stops', transport });
    const sent = c.sendMessage({ text: 'ws-stops' });
    await until(() => textOf(c.lastMessage) === 'Once upon');
    await c.stop();
    await sent;
    let status = 200;
    for (let tries = 0; status !== 204 && tries < 500; tries++) {
      status = (await fetch(`${base}/api/chat/ws-stops/stream`)).status;
    }
    transport.close();
    return { ...seen(c), idle: status };
  },
  async socketFails() {
    const transport = socket('failing');
    const c = new Chat({ id: 'ws-fails', transport });
    await c.sendMessage({ text: 'go' });
    transport.close();
    return seen(c);
  },
});
