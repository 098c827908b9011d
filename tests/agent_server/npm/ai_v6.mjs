// AI SDK 6 over HTTP: text, a stop and a resume, and the approvals that it was the first to know.
import { AbstractChat, DefaultChatTransport } from 'ai-v6';
import { approvals } from './approvals.mjs';
import { chatOf, seen, textOf } from './chat.mjs';
import { base, open, play, until } from './scenario.mjs';

const Chat = chatOf(AbstractChat);
const chat = (id, agent, messages) =>
  new Chat({ id, messages, transport: new DefaultChatTransport({ api: `${base}/agents/${agent}/api/chat?sdk=6` }) });

await play({
  async rich() {
    const c = chat('v6-rich', 'rich');
    await c.sendMessage({ text: 'everything' });
    return seen(c);
  },
  async resumes() {
    const c = chat('v6-resumes', 'gated');
    c.sendMessage({ text: 'v6-resumes' });
    await until(() => textOf(c.lastMessage) === 'Once upon');
    const again = chat('v6-resumes', 'gated', [c.messages[0]]);
    const resumed = again.resumeStream();
    await until(() => textOf(again.lastMessage) === 'Once upon');
    await open('v6-resumes');
    await resumed;
    return seen(again);
  },
  async stops() {
    const c = chat('v6-stops', 'gated');
    const sent = c.sendMessage({ text: 'v6-stops' });
    await until(() => textOf(c.lastMessage) === 'Once upon');
    const answer = await fetch(`${base}/api/chat/v6-stops/stop`, { method: 'POST' });
    await sent;
    return { ...seen(c), stopped: (await answer.json()).stopped.length };
  },
  ...approvals(Chat, DefaultChatTransport, 6),
});
