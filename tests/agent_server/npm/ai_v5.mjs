// AI SDK 5 over HTTP, with what a server may say to it unasked.
import { AbstractChat, DefaultChatTransport } from 'ai-v5';
import { chatOf, seen, textOf } from './chat.mjs';
import { base, open, play, until } from './scenario.mjs';

const Chat = chatOf(AbstractChat);
const chat = (id, agent, messages) =>
  new Chat({ id, messages, transport: new DefaultChatTransport({ api: `${base}/agents/${agent}/api/chat` }) });

await play({
  async text() {
    const c = chat('v5-text', 'teller');
    await c.sendMessage({ text: 'a story' });
    return seen(c);
  },
  async rich() {
    const c = chat('v5-rich', 'rich');
    await c.sendMessage({ text: 'everything' });
    return seen(c);
  },
  async tools() {
    const c = chat('v5-tools', 'worker');
    await c.sendMessage({ text: 'add' });
    return seen(c);
  },
  async fails() {
    const c = chat('v5-fails', 'failing');
    await c.sendMessage({ text: 'go' });
    return seen(c);
  },
  async refused() {
    const c = chat('v5-refused', 'nobody');
    await c.sendMessage({ text: 'hello?' });
    return seen(c);
  },
  async regenerates() {
    const c = chat('v5-regenerates', 'counting');
    await c.sendMessage({ text: 'one' });
    await c.sendMessage({ text: 'two' });
    await c.regenerate();
    return seen(c);
  },
  async resumes() {
    const first = chat('v5-resumes', 'gated');
    const sent = first.sendMessage({ text: 'v5-resumes' });
    await until(() => textOf(first.lastMessage) === 'Once upon');
    const question = first.messages[0];
    await first.stop();
    await sent;
    const second = chat('v5-resumes', 'gated', [question]);
    const resumed = second.resumeStream();
    await until(() => textOf(second.lastMessage) === 'Once upon');
    await open('v5-resumes');
    await resumed;
    const idle = chat('v5-resumes', 'gated', [question]);
    await idle.resumeStream();
    return { ...seen(second), idle: idle.messages.length };
  },
  async stops() {
    const c = chat('v5-stops', 'gated');
    const sent = c.sendMessage({ text: 'v5-stops' });
    await until(() => textOf(c.lastMessage) === 'Once upon');
    const answer = await fetch(`${base}/api/chat/v5-stops/stop`, { method: 'POST' });
    await sent;
    const idle = await fetch(`${base}/api/chat/v5-stops/stream`);
    return { ...seen(c), stopped: (await answer.json()).stopped.length, idle: idle.status };
  },
  async asks() {
    const c = chat('v5-asks', 'asking');
    await c.sendMessage({ text: 'order' });
    const asked = c.lastMessage.parts.find(part => part.type === 'data-interrupt');
    await c.sendMessage({ text: 'blue' });
    return { ...seen(c), asked };
  },
});
