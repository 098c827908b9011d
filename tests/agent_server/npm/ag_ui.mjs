// AG-UI's own client, with its verifier.
import { HttpAgent } from '@ag-ui/client';
import { base, open, play, until } from './scenario.mjs';

const agent = (threadId, name) => new HttpAgent({ url: `${base}/agents/${name}/ag-ui`, threadId });

async function ask(a, text, parameters) {
  const types = [];
  let failure;
  if (text) a.addMessage({ id: crypto.randomUUID(), role: 'user', content: text });
  const { result, newMessages } = await a.runAgent(parameters, {
    onEvent: ({ event }) => void types.push(event.type),
    onRunErrorEvent: ({ event }) => void (failure = event),
    onRunFailed: ({ error }) => void (failure ??= { thrown: String(error) }),
  }).catch(error => ({ newMessages: [], result: String(error) }));
  return { types, failure, result, newMessages, state: a.state, pending: a.pendingInterrupts };
}

await play({
  async text() {
    return ask(agent('ag-text', 'teller'), 'a story');
  },
  async rich() {
    return ask(agent('ag-rich', 'rich'), 'everything');
  },
  async tools() {
    return ask(agent('ag-tools', 'worker'), 'add');
  },
  async fails() {
    return ask(agent('ag-fails', 'failing'), 'go');
  },
  async remembers() {
    const a = agent('ag-remembers', 'counting');
    const first = await ask(a, 'one');
    const second = await ask(a, 'two');
    return { first, second, messages: a.messages.map(message => message.content) };
  },
  async aborts() {
    const a = agent('ag-aborts', 'gated');
    a.addMessage({ id: 'u1', role: 'user', content: 'ag-aborts' });
    let text = '';
    const running = a
      .runAgent({ runId: 'ag-aborts-run' }, { onTextMessageContentEvent: ({ event }) => void (text += event.delta) })
      .catch(error => ({ thrown: String(error) }));
    await until(() => text === 'Once upon');
    a.abortRun();
    await running;
    await open('aborted');
    return { text };
  },
  async approves() {
    const a = agent('ag-approves', 'buyer');
    const asked = await ask(a, 'buy');
    const [interrupt] = asked.pending;
    const done = await ask(a, '', {
      resume: [{ interruptId: interrupt.id, status: 'resolved', payload: { approved: true } }],
    });
    return { asked, done, calls: a.messages.flatMap(message => message.toolCalls ?? []) };
  },
  async replays() {
    const response = await fetch(`${base}/ag-ui/ag-remembers`);
    const frames = (await response.text()).split('\n').filter(line => line.startsWith('data: '));
    return { types: frames.map(line => JSON.parse(line.slice(6)).type), status: response.status };
  },
});
