// A chat of the AI SDK without a framework around it.
export function chatOf(AbstractChat) {
  class State {
    status = 'ready';
    error = undefined;
    constructor(messages) {
      this.messages = messages;
    }
    pushMessage = message => {
      this.messages = [...this.messages, message];
    };
    popMessage = () => {
      this.messages = this.messages.slice(0, -1);
    };
    replaceMessage = (index, message) => {
      this.messages = this.messages.map((old, at) => (at === index ? message : old));
    };
    snapshot = value => structuredClone(value);
  }
  return class Chat extends AbstractChat {
    constructor({ messages = [], ...init }) {
      super({ ...init, state: new State(messages) });
    }
  };
}

export const textOf = message => (message?.parts ?? []).filter(part => part.type === 'text').map(part => part.text).join('');

export const seen = chat => ({
  status: chat.status,
  error: chat.error && String(chat.error.message),
  roles: chat.messages.map(message => message.role),
  texts: chat.messages.map(textOf),
  parts: chat.lastMessage?.parts,
  metadata: chat.lastMessage?.metadata,
  id: chat.lastMessage?.id,
});
