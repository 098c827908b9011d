// Approvals of tools over HTTP, as every version of the AI SDK that knows them does them.
import { seen } from './chat.mjs';
import { base, open, until } from './scenario.mjs';

/** Return the scenarios for one version. */
export function approvals(Chat, Transport, sdk) {
  const http = (id, agent, messages) =>
    new Chat({ id, messages, transport: new Transport({ api: `${base}/agents/${agent}/api/chat`, body: { sdk } }) });

  async function decided(c, approved) {
    await c.sendMessage({ text: 'buy' });
    const asked = c.lastMessage.parts.find(part => part.type === 'tool-buy');
    const before = { state: asked.state, messages: c.messages.length, id: c.lastMessage.id };
    await c.addToolApprovalResponse({ id: asked.approval.id, approved, reason: approved ? undefined : 'too dear' });
    await c.sendMessage();
    return { ...seen(c), before };
  }

  return {
    async approves() {
      return decided(http(`v${sdk}-approves`, 'buyer'), true);
    },
    async denies() {
      return decided(http(`v${sdk}-denies`, 'buyer'), false);
    },
    async resumesAfterApproval() {
      const id = `v${sdk}-slow`;
      const c = http(id, 'slowbuyer');
      await c.sendMessage({ text: 'buy' });
      const asked = c.lastMessage.parts.find(part => part.type === 'tool-buy');
      const history = structuredClone(c.messages);
      await c.addToolApprovalResponse({ id: asked.approval.id, approved: true });
      const sent = c.sendMessage();
      await until(() => c.status === 'streaming' || c.status === 'submitted');
      await until(async () => (await fetch(`${base}/api/chat/${id}/stream`)).status === 200);
      const again = http(id, 'slowbuyer', history);
      const resumed = again.resumeStream();
      await until(() => again.status === 'streaming');
      await open('buy');
      await Promise.all([sent, resumed]);
      return { ...seen(again), first: seen(c) };
    },
  };
}
